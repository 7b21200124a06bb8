"""Derived quantities as pure numpy functions: arrays and calibration values in, one array out, NaN where missing."""
