// Names of places: ids become what people call them, as far as the sheds' details are known.

import { pick, t, word } from "./i18n.js";
import { isTest, portOf, shedKey } from "./model.js";

export function siteName(model, site, shed) {
  const key = shedKey(site, shed);
  return pick(model.sheds.get(key)?.site_name ?? model.details.get(key)?.site_name, site ?? "");
}

export function shedName(model, site, shed) {
  const key = shedKey(site, shed);
  return pick(model.sheds.get(key)?.name ?? model.details.get(key)?.name, shed ?? "");
}

/** A device of any kind by its name, or its id where it has none. */
export function deviceName(model, site, shed, device) {
  const detail = model.details.get(shedKey(site, shed));
  for (const group of ["chargers", "cameras", "sensors", "extinguishers"]) {
    const found = detail?.[group]?.find((known) => known.id === device);
    if (found) return pick(found.name, device);
  }
  return device ?? "";
}

/** A part of what a camera sees by its name, or by a word for its id where the shed's details are not known yet. */
function zoneName(model, alert) {
  const cameras = model.details.get(shedKey(alert.site, alert.shed))?.cameras;
  const zones = cameras?.find((known) => known.id === alert.device)?.zones;
  return pick(zones?.[alert.zone], word("zone", alert.zone));
}

/** Site and shed of an alert in one line. */
export const shedLine = (model, alert) =>
  isTest(alert) ? t("test.place") : [siteName(model, alert.site, alert.shed), shedName(model, alert.site, alert.shed)].filter(Boolean).join(" · ");

/** Device, port and zone of an alert in one line: the port first where there is one, it is where someone must go. */
export function spotLine(model, alert) {
  // The alarm of a whole shed: its place is the shed.
  if (alert.kind === "shed_offline" && alert.device === "shed") return "";
  const detail = model.details.get(shedKey(alert.site, alert.shed));
  const port = portOf(alert, detail);
  const device = isTest(alert) ? word("test.device", alert.device) : alert.device ? deviceName(model, alert.site, alert.shed, alert.device) : "";
  if (port) {
    const [charger, number] = port.split("#");
    const name = deviceName(model, alert.site, alert.shed, charger);
    const spot = t("port.title", { charger: name, port: number });
    return charger === alert.device ? spot : `${spot} · ${device}`;
  }
  if (Number.isInteger(alert.port)) return `${device} · ${t("port.number", { port: alert.port })}`;
  return [device, alert.zone ? zoneName(model, alert) : ""].filter(Boolean).join(" · ");
}

/** All of it. */
export const placeLine = (model, alert) => [shedLine(model, alert), spotLine(model, alert)].filter(Boolean).join(" · ");
