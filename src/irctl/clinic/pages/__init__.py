"""The screens. Each module here registers its own; see irctl.clinic.screens.screen."""
