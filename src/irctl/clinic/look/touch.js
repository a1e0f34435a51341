// @ts-check
// Tells the clinic that somebody is at this screen, at most every ten seconds; and gives a panel that never came its STOP back.
const EVERY_MS = 10_000;
let told = 0;
for (const touch of ["pointerdown", "keydown"]) {
  window.addEventListener(touch, () => {
    if (Date.now() - told < EVERY_MS) return;
    told = Date.now();
    // @ts-ignore NiceGUI's own
    window.emitEvent?.("irctl-touch");
  }, true);
}
