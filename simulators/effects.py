"""How faults act on what is measured, as functions of time: added resistance, residual current, a second load.

Every curve is in closed form and the same whenever it is asked for.
"""

from __future__ import annotations

import math

from simulators.cutoff import Load
from simulators.faults import REPORTED_KINDS, Fault, FaultsOf

_DAY_S = 86_400.0
# An oxidised joint moves with every warming and cooling: its resistance wanders by this part of itself.
_WANDER = 0.15


def added_ohm(faults: FaultsOf, t_s: float) -> float:
    """What a loose contact and an ageing wire add to a port's resistance."""
    total = 0.0
    if loose := faults.on("loose_contact", t_s):
        total += loose.figure("peak_ohm") * min(1.0, (t_s - loose.at_s) / loose.figure("ramp_s"))
    if ageing := faults.on("ageing_wire", t_s):
        total += _aged_ohm(ageing, t_s)
    return total


def feeder_ohm(faults: FaultsOf, t_s: float) -> float:
    """What an ageing terminal adds to the resistance of a charger's incoming cable."""
    fault = faults.on("ageing_feeder", t_s)
    return _aged_ohm(fault, t_s) if fault else 0.0


def _aged_ohm(fault: Fault, t_s: float) -> float:
    age_s = t_s - fault.at_s
    grown = min(1.0, age_s / (fault.figure("days") * _DAY_S))
    # Two slow swings without a common period: half an hour and an hour and three quarters.
    wander = _WANDER * (0.6 * math.sin(age_s / 1800.0 * math.tau) + 0.4 * math.sin(age_s / 6200.0 * math.tau))
    return fault.figure("peak_ohm") * grown * (1.0 + wander)


def leak_ma(faults: FaultsOf, t_s: float) -> float:
    """Residual current that faults add."""
    steady = faults.on("leakage", t_s)
    return (steady.figure("ma") if steady else 0.0) + sum(_wet_ma(rain, t_s) for rain in faults.of("rain_leakage"))


def _wet_ma(rain: Fault, t_s: float) -> float:
    if t_s < rain.at_s:
        return 0.0
    end_s = math.inf if rain.until_s is None else rain.until_s
    wet = 1.0 - math.exp(-(min(t_s, end_s) - rain.at_s) / rain.figure("wet_s"))
    if t_s >= end_s:
        return rain.figure("ma") * wet * math.exp(-(t_s - end_s) / rain.figure("dry_s"))
    # Drops run together and off again.
    gusts = 0.12 * math.sin(t_s / 47.0 * math.tau) + 0.08 * math.sin(t_s / 19.0 * math.tau)
    return rain.figure("ma") * wet * (1.0 + gusts)


def loads(faults: FaultsOf) -> tuple[Load, ...]:
    """Second loads on a port."""
    return tuple(
        Load(fault.at_s, math.inf if fault.until_s is None else fault.until_s, fault.figure("watts"))
        for fault in faults.of("over_power")
    )


def reported_code(faults: FaultsOf, t_s: float) -> str | None:
    """The fault that the charger itself reports of a port, in the contract's word."""
    for kind in REPORTED_KINDS:
        if fault := faults.on(kind, t_s):
            return fault.word("code") if kind == "port_fault" else kind
    return None


def interrupts(code: str | None) -> bool:
    """Whether a reported fault stops the power: a relay that is welded reports itself and goes on."""
    return code is not None and code != "relay_welded"
