"""One sensor of every type, more where props choose between rules, all props set; and random readings for them."""

from collections.abc import Sequence

from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource

from tseng_units.sensors import Sensor

MINUTE = 60_000_000
MOMENTS = st.integers(-5 * MINUTE, 70 * MINUTE)
Columns = dict[str, dict[int, float | None]]

_LINE = {"G": -0.1, "R0": 9000.0}
_FLUID = {"FLUID_DENSITY": 1025.0, "LOCAL_G": 9.81}
_WELL = {"ELEVATION": 12.5, "REF_DEPTH": 30.0, **_FLUID}
_BARO = {"BARO_SENSOR": "barometer", "BARO_MAX_GAP": 1200}
_STATION = {"STATION_E": 1.0, "STATION_N": 2.0, "STATION_H": 3.0, "ORIENTATION": 12.5, "AZIMUTH_STRUCTURE": 33.0}
_SEGMENT = {"GAUGE_LENGTH": 1.5, "AZIMUTH_XY": 100.0, "AZIMUTH_STRUCTURE": 33.0}
_VW = "digits T"
_PRISM = "e n h ha za sd T P"


def _array(name: str, type_: str, *keys: float, columns: str, **props: object) -> list[Sensor]:
    device = {"SCAN_TOLERANCE": 20}
    return [
        Sensor(f"{name}{index}", type_, {**props, "DEPTH": key}, name, device, tuple(columns.split()))
        for index, key in enumerate(keys)
    ]


def _one(id_: str, type_: str, columns: str, **props: object) -> Sensor:
    return Sensor(id_, type_, props, uploaded=tuple(columns.split()))


SENSORS: Sequence[Sensor] = (
    _one("thermometer", "TEMPERATURE_SDE", "T"),
    _one("troll", "RUGGED_TROLL_SDE", "T P_raw"),
    _one("thermistor", "THERMISTOR", "R_th", ZERO_COUNT=2),
    _one("rtd", "RTD_PT100", "R_rtd"),
    _one("barometer", "BAROMETER", "P T", ELEVATION=300.0),
    _one("absolute", "WATER_LEVEL_ABS", "P_raw T", ZERO_COUNT=2, **_WELL, **_BARO),
    _one("vented", "WATER_LEVEL_VENTED", "P_raw T", **_WELL),
    _one("line", "VW_PIEZOMETER", "f R_th", **_WELL, **_LINE),
    _one("sealed", "VW_PIEZOMETER", _VW, K=0.4, T0=9.0, BARO_ZERO=1e5, CAL_UNIT="psi", **_WELL, **_LINE, **_BARO),
    _one("polynomial", "VW_PIEZOMETER", "f T", CAL_MODEL="POLYNOMIAL", A=-1e-6, B=-0.1, R0=9000.0, **_WELL),
    _one("strain", "VW_STRAIN_GAUGE", "f R_th", GAUGE_FACTOR=4.062, BATCH_FACTOR=0.96, ALPHA_STRUCT=10.4, E_MOD=32.0),
    _one("gauges", "LOAD_CELL_VW", "f_1 digits_2 f_3 T", CAL_UNIT="lbf", **_LINE),
    _one("bridge", "LOAD_CELL_BRIDGE", "V_ratio T", G=50.0, R0=0.1, SCALE=2.0),
    _one("crack", "CRACKMETER_VW", _VW, TEMP_M=1e-4, TEMP_B=-0.3, T0=15.0, **_LINE),
    _one("potentiometer", "CRACKMETER_POT", "V_ratio T", G=12.5, R0=0.0),
    _one("displacement", "DISPLACEMENT", "disp T"),
    *_array("rod", "EXTENSOMETER_ROD", 3.0, 9.0, 20.0, columns="disp T"),
    _one("settlement", "SETTLEMENT_CELL", _VW, ELEVATION=50.0, CAL_UNIT="mm", **_LINE),
    _one("cell", "SETTLEMENT_CELL", "f T", ELEVATION=50.0, RES_OFFSET=0.1, **_FLUID, **_LINE),
    _one("uniaxial", "TILT_UNIAXIAL", "tilt_x T", GAUGE_LENGTH=2.0),
    _one("biaxial", "TILT_BIAXIAL", "tilt_x tilt_y T", **_SEGMENT),
    *_array("ipi", "IPI_BIAXIAL", 1.0, 2.0, 3.0, columns="tilt_x tilt_y T", **_SEGMENT),
    *_array("shape", "SHAPE_ARRAY", 1.0, 2.0, columns="tilt_x tilt_y T", END="TOP", **_SEGMENT),
    _one("dgsi", "TILT_BIAXIAL_DGSI", "A_raw B_raw T_raw", COEF_A=[0.002, 0.9, -1e-3], **_SEGMENT),
    _one("accelerometer", "ACCELEROMETER_3AXIS", "acc_x acc_y acc_z T"),
    _one("trimble", "TRIMBLE4D_PRISM", f"{_PRISM} sd_corrected e_adjusted n_adjusted h_adjusted", **_STATION),
    _one("prism", "PRISM_TS", _PRISM, **_STATION),
    _one("gnss", "GNSS", "lat lon h_ell", REF_LAT=-41.2785, REF_LON=174.7805, REF_H=20.0),
    _one("tips", "RAIN_GAUGE", "tips"),
    _one("counter", "RAIN_GAUGE", "tips", COUNTER=True, TIP_SIZE=0.254),
    _one("weather", "WEATHER_STATION", "T RH P wind_speed wind_dir", ELEVATION=120.0),
    _one("vibration", "VIBRATION_INSTANTEL", "ppv_t ppv_v ppv_l f_t f_v f_l pvs mic"),
    _one("loop", "LOOP_4_20", "I_loop", LOOP_LO=-2.0, LOOP_HI=10.0, VAL_UNIT="bar"),
    _one(
        "generic", "DYNAMIC", "T P glow", KNOWN_METRICS=["T", "P"], KNOWN_UNITS=["F", "daPa"], UNKNOWN_METRICS=["glow"]
    ),
)
DIRECTORY = MemoryDirectory(*SENSORS)
NAMES = [sensor.id for sensor in SENSORS]

_RANGES = {
    "T": (-40.0, 40.0), "P": (9e4, 1.1e5), "P_raw": (1e5, 3e5), "R_th": (-1.0, 1e5), "R_rtd": (10.0, 400.0),
    "f": (0.0, 4000.0), "digits": (2000.0, 12000.0), "V_ratio": (-3.0, 3.0), "disp": (-50.0, 50.0),
    "tilt_x": (-95.0, 95.0), "tilt_y": (-80.0, 80.0), "A_raw": (-1.2, 1.2), "B_raw": (-1.2, 1.2), "T_raw": (0.0, 1.0),
    "acc_x": (-1.0, 1.0), "acc_y": (-1.0, 1.0), "acc_z": (-1.0, 1.0), "ha": (0.0, 360.0), "za": (30.0, 150.0),
    "lat": (-41.279, -41.278), "lon": (174.780, 174.781), "h_ell": (0.0, 50.0), "RH": (-5.0, 105.0),
    "I_loop": (0.003, 0.022),
}  # fmt: skip
_COUNTS = st.integers(0, 9).map(float)


def _values(metric: str) -> st.SearchStrategy[float]:
    low, high = _RANGES.get(metric.rstrip("_123"), (-1e3, 1e3))
    return _COUNTS if metric == "tips" else st.floats(low, high)


def read_with(sensor: Sensor) -> list[Sensor]:
    """The sensor and those that its metrics may read: mates of its array, its barometer."""
    mates = DIRECTORY.members(sensor.device, sensor.kind) if sensor.device else [sensor]
    return [*mates, *([DIRECTORY.sensors["barometer"]] if sensor.prop("BARO_SENSOR") else [])]


@st.composite
def readings(draw: st.DrawFn, sensors: Sequence[Sensor]) -> dict[str, Columns]:
    """Scans about every ten minutes, some of them and some values missing, each column's clock off by some seconds."""
    scans = draw(st.lists(st.integers(0, 6), unique=True, max_size=6))
    rows: dict[str, Columns] = {}
    for sensor in sensors:
        rows[sensor.id] = {}
        for metric in sensor.uploaded:
            lag = draw(st.sampled_from([0, 0, 0, 5_000_000, 15_000_000]))
            values = draw(st.lists(st.none() | _values(metric), min_size=len(scans), max_size=len(scans)))
            rows[sensor.id][metric] = {scan * 10 * MINUTE + lag: v for scan, v in zip(scans, values, strict=True)}
    return rows


def source_of(rows: dict[str, Columns], block: int = 3) -> MemorySource:
    """A source of these readings."""
    return MemorySource(
        {(id_, metric): series for id_, columns in rows.items() for metric, series in columns.items()}, block
    )
