"""What an alert says: where, what, how much against which limit, and what to do, in Chinese and English."""

from __future__ import annotations

from alerts.model import AlertKey, AlertKind, Text
from alerts.proving_ground import is_test
from ingest.model import DeviceKind, DeviceRef, Name, Topology

SERVICE = "service"
"""Site and shed of alerts about this service itself: `service/service/<part>`; no configured place has a rule there."""


def place(topology: Topology, key: AlertKey, bay: str | None = None) -> Text:
    """Where it is, by display names: `1号车棚 c1 3号口`; with the site's name before it where there are several.

    For what a camera sees, `bay` names the port in view (`c1#3`), which is told instead of the zone.
    """
    site, shed = topology.site(key.site), topology.shed(key.site, key.shed)
    zh = [shed.name.zh if shed else key.shed]
    en = [shed.name.en if shed else key.shed]
    if site and sum(not is_test(one.id) for one in topology.sites[:2]) > 1 and not is_test(site.id):
        zh.insert(0, site.name.zh)
        en.insert(0, site.name.en)
    inside = spot(topology, key, bay)
    return Text(" ".join((*zh, inside.zh)), " ".join((*en, inside.en)))


def spot(topology: Topology, key: AlertKey, bay: str | None = None) -> Text:
    """Where in its shed it is: `c1 3号口`, `南侧摄像头 通道`, and of a bay with a port `c1 3号口（南侧摄像头）`."""
    ref = DeviceRef(key.site, key.shed, key.device)
    device, name = topology.find(ref), _device(topology, ref, key.port)
    if bay is not None:
        charger, _, port = bay.partition("#")
        there = _device(topology, DeviceRef(key.site, key.shed, charger), int(port) if port else None)
        return Text(f"{there.zh}（{name.zh}）", f"{there.en} ({name.en})")
    if key.zone is None:
        return name
    area = next((one.name for one in (device.areas if device else ()) if one.id == key.zone), None)
    zone = area or Name(f"区域（{key.zone}）", f"area ({key.zone})")
    return Text(f"{name.zh} {zone.zh}", f"{name.en} {zone.en}")


def _device(topology: Topology, ref: DeviceRef, port: int | None) -> Text:
    device = topology.find(ref)
    zh, en = (device.name.zh, device.name.en) if device else (ref.device, ref.device)
    if port is not None and (device is None or device.kind is DeviceKind.CHARGER):
        return Text(f"{zh} {port}号口", f"{en} port {port}")
    return Text(zh, en)


def number(value: float, digits: int = 1) -> str:
    """A figure as people write it: 65, 72.4, 2,310 without needless zeros."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: float, unit: str) -> str:
    """A figure with its unit: `72.4 °C`, `2.31 kW`."""
    if unit == "W" and abs(value) >= 1000:
        return f"{number(value / 1000, 2)} kW"
    return f"{number(value, 2 if unit == 'A' else 1)} {unit}".rstrip()


def duration(seconds: float) -> Text:
    """A span in its two largest units: `2小时5分钟`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    units = ((86_400 * 365, "年", "y"), (86_400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s"))
    index = next((i for i, (size, _, _) in enumerate(units) if whole >= size), len(units) - 1)
    zh: list[str] = []
    en: list[str] = []
    for size, word_zh, word_en in units[index : index + 2]:
        count, whole = divmod(whole, size)
        if count or not zh:
            zh.append(f"{count}{word_zh}")
            en.append(f"{count} {word_en}")
    return Text("".join(zh), " ".join(en))


_FIRE = Text("不要靠近，立即疏散并拨打119。", "Do not approach. Evacuate and call the fire service (119) now.")
_COOL = Text("停止此处充电，勿用手触碰，派人到场查看。", "Stop charging there, do not touch it, send someone to look.")
_ELECTRICIAN = Text("停止充电并请电工检查。", "Stop charging and have an electrician check it.")
_SUPPLY = Text("联系电工或供电单位检查进线电压。", "Have an electrician or the supplier check the supply.")
_LINK = Text("检查供电、网络和设备；期间请加强巡查。", "Check power, network and device; patrol more often until then.")
_SIGHT = Text(
    "画面不可用，请检查摄像头；期间请到场巡查。", "The shed is not seen. Check the camera; patrol until then."
)

ADVICE: dict[AlertKind, Text] = {
    AlertKind.SMOKE: _FIRE,
    AlertKind.FLAME: _FIRE,
    AlertKind.SMOKE_SENSOR: _FIRE,
    AlertKind.HEAT_SENSOR: _FIRE,
    AlertKind.WATER: Text(
        "先断电再进入，检查积水和充电桩。", "Switch off the power before entering; check water and charger."
    ),
    AlertKind.CORRIDOR_BLOCKED: Text("请立即清理疏散通道。", "Clear the way out now."),
    AlertKind.OVER_TEMPERATURE: _COOL,
    AlertKind.TEMPERATURE_RISE: Text(
        "可能接触不良，请停用该口并检查插座。", "Likely a loose contact: take the port out of use and check the socket."
    ),
    AlertKind.OVER_CURRENT: _COOL,
    AlertKind.OVER_POWER: _COOL,
    AlertKind.OVER_VOLTAGE: _SUPPLY,
    AlertKind.UNDER_VOLTAGE: _SUPPLY,
    AlertKind.LEAKAGE: Text(
        "有触电危险，勿触碰设备，断电后请电工检查。",
        "Danger of shock: do not touch; cut the power, call an electrician.",
    ),
    AlertKind.CONTACT_AGEING: Text(
        "请在近日停用该口，检查并更换插座。", "Take the port out of use in the next days; check and replace its socket."
    ),
    AlertKind.NO_TAPER: Text(
        "停止该口充电，检查电池和充电器；留意发热和异味。",
        "Stop charging there and have battery and charger checked; watch for heat and smell.",
    ),
    AlertKind.SESSION_OVERLONG: Text(
        "请停止该口充电，通知车主取车。", "Stop charging there and have the owner fetch the bicycle."
    ),
    AlertKind.CUT_FAILED: Text(
        "远程断电无效：派人拉开车棚总开关，不要靠近冒烟的车辆；断电不等于安全。",
        "It cannot be cut off from here: send someone to open the shed's main switch, do not approach anything that smokes; "
        "power off is not safe.",
    ),
    AlertKind.RELAY_WELDED: Text(
        "该口无法断电，请拉开上级开关并报修。",
        "The port cannot switch off: open the upstream breaker, have it repaired.",
    ),
    AlertKind.CHARGER_FAULT: _ELECTRICIAN,
    AlertKind.CHARGER_OFFLINE: _LINK,
    AlertKind.TELEMETRY_STALE: _LINK,
    AlertKind.CLOCK_SKEW: Text("请校准设备时钟。", "Set the device's clock."),
    AlertKind.CAMERA_OFFLINE: _SIGHT,
    AlertKind.CAMERA_FROZEN: _SIGHT,
    AlertKind.CAMERA_COVERED: _SIGHT,
    AlertKind.CAMERA_BLURRED: _SIGHT,
    AlertKind.CAMERA_MOVED: _SIGHT,
    AlertKind.CAMERA_DARK: _SIGHT,
    AlertKind.EXTINGUISHER_MISSING: Text("请立即补上或更换灭火器。", "Replace the extinguisher now."),
    AlertKind.EXTINGUISHER_DUE: Text("请安排检查灭火器。", "Have the extinguisher inspected."),
    AlertKind.SHED_OFFLINE: Text(
        "整个车棚无人看守：派人到场巡查，检查供电、网关和网络。",
        "Nothing of it is watched: send someone to patrol, check power, gateway and network.",
    ),
    AlertKind.SERVICE_DEGRADED: Text("请联系系统管理员。", "Tell the administrator."),
}
"""What to do, for every kind that has a rule."""


def compose(kind: AlertKind, where: Text, what: Text) -> Text:
    """The whole sentence: place, what is the matter, what to do. In English `what` follows a colon: `offline`, not `is offline`."""
    advice = ADVICE[kind]
    gap = "" if where.zh.endswith("）") else " "
    return Text(f"{where.zh}{gap}{what.zh}。{advice.zh}", f"{where.en}: {what.en}. {advice.en}")


def extend(kind: AlertKind, message: Text, zh: str, en: str) -> Text:
    """A sentence that `compose` made, with more said before what to do."""
    advice = ADVICE[kind]
    head_zh, head_en = message.zh.removesuffix(f"。{advice.zh}"), message.en.removesuffix(f". {advice.en}")
    return Text(f"{head_zh}{zh}。{advice.zh}", f"{head_en}{en}. {advice.en}")


def exceeds(name: Text, value: float, limit: float, unit: str, below: bool = False) -> Text:
    """`温度 72.4 °C，超过 65 °C`."""
    zh = "低于" if below else "超过"
    en = "below" if below else "over"
    figures = quantity(value, unit), quantity(limit, unit)
    return Text(f"{name.zh} {figures[0]}，{zh} {figures[1]}", f"{name.en} {figures[0]}, {en} {figures[1]}")
