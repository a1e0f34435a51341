"""Skin under an infrared lamp: the layered Pennes equation in one dimension, implicit in time.

    rho c dT/dt = d/dz(k dT/dz) + w rho_b c_b (T_a - T) + q_m + Q(z),   Q = (1 - r) E mu exp(-mu z)

Layers and constants: Jiang et al. 2002 as used in public skin-burn models. Perfusion below the epidermis is multiplied by
clip(1 + 1.7 (T_skin - 35), 1, 13): heating to 42 degC raises forearm blood flow about 13-fold. The onset of that dilation
lags by minutes (first order, unverified: 2-5 min is from memory); `vasodilation=False` is the patient with impaired
circulation. 1/mu = 1 mm and r = 0 stand for an unfiltered near-infrared lamp, absorbed close to the surface.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

Vector = NDArray[np.float64]

BLOOD_J_M3_K = 1060.0 * 3770.0
"""Heat capacity of blood by volume: density 1060 kg/m3 times 3770 J/(kg K)."""

REST_CHANGE_C = 1e-7
"""A dark step that moves no temperature by more than this leaves the skin at rest."""


@dataclass(frozen=True, slots=True)
class Layer:
    thickness_m: float
    conductivity_w_m_k: float
    density_kg_m3: float
    heat_j_kg_k: float
    perfusion_1_s: float


LAYERS = (
    Layer(80e-6, 0.24, 1200.0, 3590.0, 0.0),
    Layer(2e-3, 0.45, 1200.0, 3300.0, 0.00125),
    Layer(10e-3, 0.19, 1000.0, 2500.0, 0.00125),
    Layer(30e-3, 0.50, 1000.0, 4000.0, 0.00125),
)


@dataclass(frozen=True, slots=True)
class SkinModel:
    """Constants of the patient and the room; temperatures in degC, fluxes in W/m2."""

    vasodilation: bool = True
    dilation_lag_s: float = 120.0
    penetration_m: float = 1e-3
    reflectance: float = 0.0
    surface_w_m2_k: float = 9.0
    evaporation_w_m2: float = 10.0
    metabolism_w_m3: float = 420.0
    core_c: float = 37.0
    air_c: float = 24.0
    surface_cell_m: float = 20e-6
    cell_growth: float = 1.25
    cell_max_m: float = 1.5e-3


def dilation(skin_c: float) -> float:
    """Perfusion as a multiple of its resting value at a skin temperature, once dilation has settled."""
    return min(max(1.0 + 1.7 * (skin_c - 35.0), 1.0), 13.0)


def _cells(model: SkinModel) -> list[tuple[float, Layer]]:
    cells: list[tuple[float, Layer]] = []
    size = model.surface_cell_m
    for layer in LAYERS:
        sizes: list[float] = []
        while sum(sizes) < layer.thickness_m - 1e-12:
            sizes.append(size)
            if layer is not LAYERS[0]:  # the epidermis keeps the finest cells throughout
                size = min(size * model.cell_growth, model.cell_max_m)
        scale = layer.thickness_m / sum(sizes)
        cells += [(one * scale, layer) for one in sizes]
    return cells


class Skin:
    """Temperatures below one treated area, from the surface to the core; starts at rest in the dark."""

    def __init__(self, model: SkinModel | None = None, step_s: float = 0.5) -> None:
        self.model = model = model or SkinModel()
        self.step_s = step_s
        cells = _cells(model)
        size = np.array([cell[0] for cell in cells])
        conductivity = np.array([cell[1].conductivity_w_m_k for cell in cells])
        half = size / (2.0 * conductivity)
        between: Vector = 1.0 / (half[:-1] + half[1:])
        self._air_w_m2_k = 1.0 / (1.0 / model.surface_w_m2_k + float(half[0]))
        self._half_m2_k_w = float(half[0])
        core_w_m2_k = 1.0 / float(half[-1])

        capacity = np.array([cell[1].density_kg_m3 * cell[1].heat_j_kg_k for cell in cells]) * size
        self._store: Vector = capacity / step_s
        self._blood: Vector = np.array([cell[1].perfusion_1_s for cell in cells]) * BLOOD_J_M3_K * size
        self._off: Vector = -between
        conduction = np.zeros(len(cells))
        conduction[:-1] += between
        conduction[1:] += between
        conduction[0] += self._air_w_m2_k
        conduction[-1] += core_w_m2_k
        self._conduction: Vector = conduction

        edges = np.concatenate(([0.0], np.cumsum(size))) / model.penetration_m
        self._absorbed: Vector = (1.0 - model.reflectance) * (np.exp(-edges[:-1]) - np.exp(-edges[1:]))
        gains: Vector = np.where(self._blood > 0, model.metabolism_w_m3, 0.0) * size
        # Evaporation leaves at the face: part of it is made up by the air, the rest comes out of the first cell.
        share = self._air_w_m2_k / model.surface_w_m2_k
        gains[0] += self._air_w_m2_k * model.air_c - share * model.evaporation_w_m2
        gains[-1] += core_w_m2_k * model.core_c
        self._gains: Vector = gains

        self.dilation = 1.0
        self.at_rest = True
        self._t: Vector = self._steady()
        self.surface_c = self._surface()

    def _steady(self) -> Vector:
        diagonal = self._conduction + self._blood
        return _solve(self._off, diagonal, self._gains + self._blood * self.model.core_c)

    def _surface(self) -> float:
        into_first = self._air_w_m2_k * (self.model.air_c - self._t[0])
        into_first -= self.model.evaporation_w_m2 * self._air_w_m2_k / self.model.surface_w_m2_k
        return float(self._t[0] + into_first * self._half_m2_k_w)

    @property
    def peak_depth_c(self) -> float:
        """The hottest heated point, which lies below the surface for near infrared; degC."""
        return float(self._t.max())

    def step(self, irradiance_mw_cm2: float) -> float:
        """One step of `step_s` at a mean irradiance; returns the surface temperature after it, degC."""
        if self.at_rest and irradiance_mw_cm2 <= 0.0:
            return self.surface_c
        model = self.model
        if model.vasodilation:
            goal = dilation(self.surface_c)
            lag = math.exp(-self.step_s / model.dilation_lag_s) if model.dilation_lag_s > 0 else 0.0
            self.dilation = goal + (self.dilation - goal) * lag
        blood = self._blood * self.dilation
        gains = self._store * self._t + self._gains + blood * model.core_c
        if irradiance_mw_cm2 > 0.0:
            gains += self._absorbed * (irradiance_mw_cm2 * 10.0)  # mW/cm2 -> W/m2
        before = self._t
        self._t = _solve(self._off, self._store + self._conduction + blood, gains)
        self.surface_c = self._surface()
        self.at_rest = irradiance_mw_cm2 <= 0.0 and bool(np.abs(self._t - before).max() < REST_CHANGE_C)
        return self.surface_c


_dgtsv = cast("Callable[..., tuple[Any, ...]]", lapack.dgtsv)  # pyright: ignore[reportUnknownMemberType]


def _solve(off: Vector, diagonal: Vector, right: Vector) -> Vector:
    """Symmetric tridiagonal solve by LAPACK directly: `solve_banded` spends more time checking than solving."""
    *_, solution, info = _dgtsv(off, diagonal, off, right)
    if info != 0:
        raise ArithmeticError("the skin's heat equation could not be solved")
    return cast("Vector", solution)
