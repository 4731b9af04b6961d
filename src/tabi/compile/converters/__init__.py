"""One module for each kind of step. Importing this package registers them all."""

from tabi.compile.converters import calibrate, compose, encode, forest, gradient_boosting, impute, linear, scale

__all__ = ["calibrate", "compose", "encode", "forest", "gradient_boosting", "impute", "linear", "scale"]
