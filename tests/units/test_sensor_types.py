"""The table of sensor types, against the specification's own, written out."""

import pytest

from tseng_units.catalogue import SENSOR_TYPES

POS = "x_inc y_inc z_inc x y z dx_inc dy_inc dx dy dz d_xy az_xy dn de dl dtr"
TILT = f"dT dtilt_x dtilt_y grad_x grad_y {POS}"
VW = "f digits T R_th"
WL = "dT P_w dP_w head dhead wl_elev wl_depth"
PR = "de dn dh dsd hd vd sd_atm e_polar n_polar h_polar d_en d_enh dl dtr vn ve vh dT dP"
TYPES = {
    "TEMPERATURE_SDE": ("T", "dT"),
    "RUGGED_TROLL_SDE": ("T P_raw", "dT"),
    "THERMISTOR": ("R_th", "T dT"),
    "RTD_PT100": ("R_rtd", "T dT"),
    "BAROMETER": ("P T", "dP dT P_msl"),
    "WATER_LEVEL_ABS": ("P_raw T", WL),
    "WATER_LEVEL_VENTED": ("P_raw T", WL),
    "VW_PIEZOMETER": (VW, WL),
    "VW_STRAIN_GAUGE": (VW, "dT strain dstrain dstrain_actual dstrain_load dstress"),
    "LOAD_CELL_VW": (f"{VW} f_1 f_2 f_3 digits_1 digits_2 digits_3", "dT load dload"),
    "LOAD_CELL_BRIDGE": ("V_ratio T", "dT load dload"),
    "CRACKMETER_VW": (VW, "dT disp ddisp v_disp"),
    "CRACKMETER_POT": ("V_ratio T", "dT disp ddisp v_disp"),
    "DISPLACEMENT": ("disp T", "dT ddisp v_disp"),
    "EXTENSOMETER_ROD": ("disp T", "dT ddisp v_disp du"),
    "SETTLEMENT_CELL": (VW, "dT elev dz"),
    "TILT_UNIAXIAL": ("tilt_x T", "dT dtilt_x grad_x x_inc x dx_inc dx"),
    "TILT_BIAXIAL": ("tilt_x tilt_y T", TILT),
    "IPI_BIAXIAL": ("tilt_x tilt_y T", TILT),
    "SHAPE_ARRAY": ("tilt_x tilt_y T", TILT),
    "TILT_BIAXIAL_DGSI": ("A_raw B_raw T_raw", f"T tilt_x tilt_y {TILT}"),
    "ACCELEROMETER_3AXIS": ("acc_x acc_y acc_z T", "acc tilt_x tilt_y dtilt_x dtilt_y dT"),
    "TRIMBLE4D_PRISM": (
        "e e_adjusted n n_adjusted h h_adjusted ha za sd sd_corrected T P",
        f"{PR} de_adjusted dn_adjusted dh_adjusted",
    ),
    "PRISM_TS": ("e n h ha za sd T P", PR),
    "GNSS": ("lat lon h_ell", "e n h de dn dh d_en d_enh dl dtr vn ve vh"),
    "RAIN_GAUGE": ("tips", "rain rain_cum rain_rate"),
    "WEATHER_STATION": ("T RH P wind_speed wind_dir", "T_dew dT dP P_msl"),
    "VIBRATION_INSTANTEL": ("ppv_t ppv_v ppv_l f_t f_v f_l pvs mic", "ppv pvs_bound mic_dB"),
    "LOOP_4_20": ("I_loop", "val"),
}
"""Raw metrics in the order in which uploads without names give them, and derived ones."""


@pytest.mark.parametrize("type_", TYPES)
def test_metrics_of_a_type(type_: str) -> None:
    """A type has the raw metrics of the specification, in its order, and the derived ones."""
    raw, derived = TYPES[type_]
    assert SENSOR_TYPES[type_].raw == tuple(raw.split())
    assert SENSOR_TYPES[type_].derived == tuple(derived.split())


def test_no_other_types() -> None:
    """Beside these types there are only generic ones."""
    assert {id_ for id_, type_ in SENSOR_TYPES.items() if not type_.generic} == set(TYPES)
