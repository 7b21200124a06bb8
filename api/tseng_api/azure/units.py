"""The units of DTDL, and which of them are ours.

DTDL v2, section Semantic types, and the QuantitativeTypes extension v1 of DTDL v3, section Semantic types and units:
a semantic type says which units an element may have.
"""

from collections.abc import Mapping

# By unit type; after `=` the id of ours. Units that we do not have are kept in the model alone.
_UNITS = {
    "Acceleration": "centimetrePerSecondSquared=Gal gForce=g metrePerSecondSquared=m_s2",
    "Angle": "degreeOfArc=deg minuteOfArc=arcmin radian=rad secondOfArc=arcsec turn",
    "AngularAcceleration": "radianPerSecondSquared",
    "AngularVelocity": "degreePerSecond radianPerSecond revolutionPerMinute revolutionPerSecond",
    "Area": "acre hectare squareCentimetre squareFoot squareInch squareKilometre squareMetre squareMillimetre",
    "Capacitance": "farad microfarad millifarad nanofarad picofarad",
    "Charge": "ampereHour coulomb milliampereHour",
    "Current": "ampere=A kiloampere microampere milliampere=mA",
    "Density": "gramPerCubicMetre kilogramPerCubicMetre microgramPerCubicMetre milligramPerCubicMetre",
    "Force": "newton=N ounce pound=lbf ton",
    "Frequency": "gigahertz hertz=Hz kilohertz=kHz megahertz millihertz",
    "Illuminance": "footcandle lux",
    "Inductance": "henry microhenry millihenry",
    "Irradiance": "wattPerSquareMetre",
    "Length": "astronomicalUnit centimetre=cm foot=ft inch=in kilometre=km metre=m micrometre=um mile millimetre=mm "
    "nanometre nauticalMile",
    "Luminance": "candelaPerSquareMetre",
    "LuminousFlux": "lumen",
    "LuminousIntensity": "candela",
    "MagneticFlux": "maxwell weber",
    "MagneticInduction": "gauss tesla",
    "Mass": "gram kilogram massPound microgram milligram slug tonne",
    "Pressure": "bar=bar decapascal=daPa hectopascal=hPa inchesOfMercury=inHg inchesOfWater=inH2O kilopascal=kPa "
    "millibar=mbar millimetresOfMercury=mmHg pascal=Pa poundPerSquareInch=psi",
    "Resistance": "kiloohm=kOhm megaohm milliohm ohm=Ohm",
    "Sound": "bel decibel",
    "Temperature": "degreeCelsius=C degreeFahrenheit=F kelvin=K",
    "Time": "day=d hour=h microsecond millisecond=ms minute=min nanosecond second=s year",
    "Torque": "newtonMetre",
    "Unitless": "partsPerBillion partsPerMillion partsPerQuadrillion partsPerTrillion percent=pct unity=one",
    "Velocity": "centimetrePerSecond=cm_s kilometrePerHour=km_h kilometrePerSecond knot=kn metrePerHour "
    "metrePerSecond=m_s milePerHour=mph milePerSecond",
    "Voltage": "kilovolt megavolt microvolt=uV millivolt=mV volt=V",
}

# By semantic type the unit type: of those whose units are listed above.
_SEMANTIC = {
    **{name: name for name in _UNITS if name not in ("Charge", "Sound", "Time", "Unitless")},
    "Concentration": "Unitless",
    "Distance": "Length",
    "ElectricCharge": "Charge",
    "Humidity": "Density",
    "Latitude": "Angle",
    "Longitude": "Angle",
    "RelativeDensity": "Unitless",
    "RelativeHumidity": "Unitless",
    "SoundPressure": "Sound",
    "Thrust": "Force",
    "TimeSpan": "Time",
}


def _parsed(units: str) -> dict[str, str | None]:
    return {name: ours or None for name, _, ours in (each.partition("=") for each in units.split())}


_BY_TYPE: Mapping[str, Mapping[str, str | None]] = {name: _parsed(units) for name, units in _UNITS.items()}
OURS: Mapping[str, str | None] = {name: ours for units in _BY_TYPE.values() for name, ours in units.items()}
"""The id of our unit by DTDL's name; None where we have none."""


def units_of(semantic_type: str) -> Mapping[str, str | None] | None:
    """Return the units that a semantic type may have, with ours; None where the type is not known."""
    unit_type = _SEMANTIC.get(semantic_type)
    return _BY_TYPE[unit_type] if unit_type else None
