/* Numbers as people read them; the same spellings as the pages' own (`templatetags/formats.py`). */

const NONE = "–";
const number = new Intl.NumberFormat("en-GB");
const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

function short(value) {
  if (Math.abs(value) < 0.995) return String(Number(value.toPrecision(2)));
  return Math.abs(value) < 9.95 ? String(Math.round(value * 10) / 10) : number.format(Math.round(value));
}

function duration(milliseconds) {
  const size = Math.abs(milliseconds);
  if (size === 0) return "0 s";
  if (size < 0.05) return `${Number(milliseconds.toPrecision(1))} ms`;
  if (size < 999.5) return `${short(milliseconds)} ms`;
  if (size < 59_500) return `${short(milliseconds / 1000)} s`;
  const sign = milliseconds < 0 ? "−" : "";
  return sign + fromAMinute(Math.round(size / 1000));
}

/* By the two largest units: "4 min 12 s". */
function fromAMinute(seconds) {
  const [minutes, hours, days] = [60, 3600, 86_400].map((length) => Math.floor(seconds / length));
  if (hours === 0) return pair(minutes, "min", seconds % 60, "s");
  if (days === 0) return pair(hours, "h", minutes % 60, "min");
  return pair(days, "d", hours % 24, "h");
}

function pair(large, largeUnit, small, smallUnit) {
  return `${large} ${largeUnit}${small ? ` ${small} ${smallUnit}` : ""}`;
}

const WRITERS = {
  time: (value) => `${moment.format(value * 1000)} UTC`,
  milliseconds: duration,
  seconds: (value) => duration(value * 1000),
  share: (value) => `${Math.round(value * 1000) / 10}%`,
  count: short,
  per_second: (value) => `${short(value)} a second`,
  per_minute: (value) => `${short(value)} a minute`,
};

/* Spells out a value; a missing one is a dash, never zero. */
export function write(value, unit) {
  return value === null || value === undefined ? NONE : WRITERS[unit](value);
}

const DAY = 86_400;
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/* The same beside an axis, whose label says "a second" itself. step: between two of its values. */
export function writeAxis(value, unit, step) {
  if (value === null || value === undefined) return "";
  if (unit === "time") return (step >= DAY || value % DAY === 0 ? day : clock).format(value * 1000);
  if (unit === "milliseconds" && value >= 1000) return `${short(value / 1000)} s`;
  return unit.startsWith("per_") ? short(value) : write(value, unit);
}

const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY];
const FRACTIONS = [1e-4, 1e-3, 1e-2, 0.1].flatMap((power) => [power, 2 * power, 5 * power]);

const COUNTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

/* How far apart an axis' values may be, so that times fall on whole minutes and nothing is counted by
   halves; undefined: anything. */
export function steps(unit) {
  if (unit === "count") return COUNTS;
  if (unit !== "seconds") return undefined;
  return [...FRACTIONS, ...TIMES, ...[2, 5, 10, 20, 50, 100, 200, 500, 1000].map((days) => days * DAY)];
}
