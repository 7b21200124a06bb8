"""The packaged tables: complete, and consistent with each other."""

import pytest

from tseng_units.catalogue import DYNAMIC, METRICS, RULES, SENSOR_TYPES, PairedInput, rule_of, sensor_type, title
from tseng_units.formulas.table import FORMULAS
from tseng_units.params import PARAMS
from tseng_units.registry import DIMENSIONS
from tseng_units.variants import BY

RAW = (
    "T R_th R_rtd f f_1 f_2 f_3 digits digits_1 digits_2 digits_3 I_loop A_raw B_raw T_raw P_raw P tilt_x tilt_y e n h "
    "e_adjusted n_adjusted h_adjusted ha za sd sd_corrected lat lon h_ell V_ratio disp tips RH wind_speed wind_dir "
    "ppv_t ppv_v ppv_l pvs f_t f_v f_l mic acc_x acc_y acc_z cum_distance V_bat"
)
DERIVED = (
    "dT val dP P_w dP_w head dhead wl_elev wl_depth P_msl dtilt_x dtilt_y grad_x grad_y x_inc y_inc z_inc x y z dx_inc "
    "dy_inc dx dy dz d_xy az_xy dn de dl dtr dh de_adjusted dn_adjusted dh_adjusted dsd hd vd sd_atm e_polar n_polar "
    "h_polar d_en d_enh vn ve vh strain dstrain dstrain_actual dstrain_load dstress load dload ddisp v_disp du elev "
    "rain rain_cum rain_rate T_dew ppv pvs_bound mic_dB acc"
)


def test_every_metric_of_the_specification() -> None:
    """The catalogue has exactly the metrics of section 7, with the raw ones marked."""
    assert {id_ for id_, metric in METRICS.items() if metric.raw} == set(RAW.split())
    assert {id_ for id_, metric in METRICS.items() if not metric.raw} == set(DERIVED.split())


@pytest.mark.parametrize(
    ("id_", "name", "display", "notation", "dimension", "unit"),
    [
        ("T", "temperature", "Temperature", "T", "temperature", "C"),
        ("dT", "delta temperature", "∆ Temperature", "∆T", "temperature_delta", "C"),
        ("P_raw", "raw pressure", "Raw Pressure", "P_raw", "pressure", "Pa"),
        ("dx", "displacement X", "∆ X", "∆x", "length", "m"),
        ("disp", "displacement", "Displacement", "disp", "length", "mm"),
        ("v_disp", "displacement rate", "Displacement Rate", "v_disp", "velocity", "mm_d"),
        ("R_rtd", "RTD resistance", "RTD Resistance", "R_rtd", "resistance", "Ohm"),
    ],
)
def test_metric_objects(id_: str, name: str, display: str, notation: str, dimension: str, unit: str) -> None:
    """Names, title forms and symbols are those of the API document's printed objects, or formed like them."""
    metric = METRICS[id_]
    assert (metric.name, metric.notation, metric.dimension, metric.default_unit) == (name, notation, dimension, unit)
    assert metric.display_name == display


def test_titles() -> None:
    """The title form capitalises words and writes a leading delta or axis displacement as ∆."""
    assert title("delta slope distance") == "∆ Slope Distance"
    assert title("displacement northing") == "∆ Northing"
    assert title("displacement rate") == "Displacement Rate"
    assert title("displacement") == "Displacement"


def test_default_units_belong_to_their_dimension() -> None:
    """Every metric's default unit is one of its dimension, or both come from the same prop."""
    for metric in METRICS.values():
        if metric.dimension.startswith(DYNAMIC):
            assert metric.dimension == metric.default_unit
        else:
            assert metric.default_unit in DIMENSIONS[metric.dimension].units


def test_parameters_are_listed_in_order() -> None:
    """Parameters come in the fixed order, and dt is mandatory for rates alone."""
    order = list(PARAMS)
    for metric in METRICS.values():
        assert list(metric.params) == sorted(metric.params, key=order.index)
        assert metric.mandatory == (frozenset({"dt"}) if metric.params == ("dt",) else frozenset())
    assert METRICS["dl"].params == ("dt", "START_DATE", "END", "ZERO_DATE", "AZIMUTH_XY", "AZIMUTH_STRUCTURE")
    assert METRICS["dT"].params == ("dt", "START_DATE", "ZERO_DATE")
    assert METRICS["x"].params == ("END",)
    assert METRICS["T"].params == ()


def test_sensor_types_refer_to_metrics_and_rules_that_exist() -> None:
    """Every metric of a type is in the catalogue, and every derived one has a rule."""
    for type_ in SENSOR_TYPES.values():
        assert set(type_.raw) | set(type_.derived) <= set(METRICS)
        assert not set(type_.raw) & set(type_.derived)
        assert len(set(type_.raw + type_.derived)) == len(type_.raw + type_.derived)
        assert all(rule_of(type_, metric) is not None for metric in type_.derived)


def test_rules_refer_to_what_exists() -> None:
    """A rule's inputs are metrics or other rules, its formula is registered and takes as many inputs."""
    for rule in RULES.values():
        for names in rule.inputs:
            wanted = (names.metric,) if isinstance(names, PairedInput) else names
            assert all(name in METRICS or name in RULES for name in wanted)
        if rule.kind == "formula":
            assert len(FORMULAS[rule.formula].inputs) == len(rule.inputs)
        elif rule.kind == "mean":
            assert FORMULAS[rule.formula].variadic
        elif rule.choice is not None:
            assert set(rule.choice.cases.values()) <= set(RULES)
            assert rule.choice.by in BY
        else:
            assert len(rule.inputs) == 1


def test_no_formula_is_idle() -> None:
    """Every registered formula is used by some rule."""
    assert {rule.formula for rule in RULES.values() if rule.formula} == set(FORMULAS)


def test_unlisted_types_are_generic() -> None:
    """A type that is not in the table is generic, as the listed generic ones are."""
    assert sensor_type("SOMETHING_NEW").generic
    assert sensor_type("GENERIC_SENSOR_SDE").generic
    assert not sensor_type("TEMPERATURE_SDE").generic


def test_rule_of_a_raw_metric() -> None:
    """A metric that the type delivers is not derived, and one that the type lacks has no rule in it."""
    assert rule_of(sensor_type("BAROMETER"), "T") is None
    assert rule_of(sensor_type("TEMPERATURE_SDE"), "dx") is None
    thermistor = rule_of(sensor_type("THERMISTOR"), "T")
    assert thermistor is not None
    assert thermistor.formula == "steinhart_hart"


def test_directions_are_marked() -> None:
    """Wind direction, horizontal angle and azimuth go once around; tilts, zenith angles and coordinates do not."""
    assert {id_ for id_, metric in METRICS.items() if metric.cyclic} == {"wind_dir", "ha", "az_xy"}
