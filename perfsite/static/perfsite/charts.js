/* Draws each picture of the page with uPlot from the JSON beside it, and shows it as a table.

   A picture is a figure with [data-picture]; see `cachestats/pictures.py` for its JSON. Colours are
   the style sheet's, so that they follow light and dark. */

import { build as buildTable } from "./tables.js";
import { steps, write, writeAxis } from "./units.js";

const HEIGHT = 240;
const DIM = 0.16;
const drawn = new Map();

function colour(name, alpha = 1) {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return alpha === 1 ? value : `color-mix(in srgb, ${value} ${alpha * 100}%, transparent)`;
}

/* Stacked series stand on the sum of those before them; where nothing is known, nothing stands. */
function heights(picture) {
  const below = picture.places.map(() => 0);
  return picture.series.map(({ shape, values }) => {
    if (shape !== "stacked") return [...values];
    return values.map((value, place) => (value === null ? null : (below[place] += value)));
  });
}

function alone(values) {
  const known = (place) => values[place] !== null && values[place] !== undefined;
  return values.flatMap((_, place) => (known(place) && !known(place - 1) && !known(place + 1) ? [place] : []));
}

function bandsBetween(picture) {
  const stacked = picture.series
    .map(({ shape }, index) => (shape === "stacked" ? index + 1 : 0))
    .filter(Boolean);
  return stacked.slice(1).map((upper, place) => ({ series: [upper, stacked[place]] }));
}

function seriesOf(picture, { label, meaning, shape, right, values }) {
  const axis = right ? picture.up_right : picture.up;
  const stroke = colour(meaning);
  const filled = { stacked: 0.55, area: DIM }[shape] ?? 0;
  return {
    label,
    scale: right ? "right" : "up",
    stroke,
    width: shape === "stacked" ? 1 : 2,
    fill: filled ? colour(meaning, filled) : undefined,
    paths: shape === "steps" ? uPlot.paths.stepped({ align: 1 }) : undefined,
    // A line needs two points: what stands alone is a dot.
    points: { show: true, filter: () => alone(values), size: 5, fill: stroke },
    // The value itself, not the height that it stands at.
    value: (_chart, _value, _series, place) => (place === null ? "–" : write(values[place], axis.unit)),
  };
}

function axesOf(picture) {
  const base = {
    stroke: colour("quiet"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const values = (unit) => (_chart, splits, _axis, _space, step) =>
    splits.map((split) => writeAxis(split, unit, step));
  const vertical = ({ unit }) => ({ ...base, size: 64, incrs: steps(unit), values: values(unit) });
  const across = { ...base, grid: { show: false }, space: 72, values: values(picture.across.unit) };
  if (picture.across.logarithmic) across.filter = onlyPowers;
  const axes = [across, { ...vertical(picture.up), scale: "up" }];
  if (picture.up_right) {
    axes.push({ ...vertical(picture.up_right), scale: "right", side: 1, grid: { show: false } });
  }
  return axes;
}

/* Powers of ten; where there is no room for all, every second one. */
function onlyPowers(chart, splits) {
  const every = chart.width < 440 ? 2 : 1;
  return splits.map((split) => (Math.abs(Math.log10(split) % every) < 1e-9 ? split : null));
}

function upTo({ unit }) {
  if (unit === "share") return () => [0, 1];
  return (_chart, low, high) => {
    const [bottom, top] = uPlot.rangeNum(Math.min(0, low ?? 0), Math.max(high ?? 1, 1e-9), 0.05, true);
    return [low < 0 ? bottom : 0, top];
  };
}

function scalesOf(picture) {
  const scales = { up: { range: upTo(picture.up) }, x: { time: picture.across.unit === "time" } };
  if (picture.up_right) scales.right = { range: upTo(picture.up_right) };
  if (picture.across.logarithmic) scales.x = { time: false, distr: 3 };
  if (picture.across.unit === "share") scales.x = { time: false, range: [0, 1] };
  return scales;
}

/* Marks are lines, or stretches, behind the series; their words stand in a list, by their tags. */
function drawMarks(picture) {
  return (chart) => {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    let free = 0;
    for (const { at, until, kind, tag } of picture.marks) {
      const left = chart.valToPos(at, "x", true);
      if (until !== null) {
        ctx.fillStyle = colour("amiss-line", DIM);
        ctx.fillRect(left, bbox.top, chart.valToPos(until, "x", true) - left, bbox.height);
        continue;
      }
      ctx.strokeStyle = colour(kind === "percentile" ? "control" : "amiss-line");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      // Where marks crowd, the first has its tag.
      if (tag && left >= free) {
        ctx.fillStyle = colour("quiet");
        ctx.fillText(tag, left + 3 * devicePixelRatio, bbox.top + 9 * devicePixelRatio);
        free = left + 14 * devicePixelRatio;
      }
    }
    ctx.restore();
  };
}

function draw(figure) {
  const picture = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const target = figure.querySelector(".picture-canvas");
  if (!target) return;
  drawn.get(figure)?.destroy();
  const options = {
    width: Math.max(target.clientWidth, 240),
    height: HEIGHT,
    // Times are UTC, as everywhere on the page.
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: scalesOf(picture),
    axes: axesOf(picture),
    bands: bandsBetween(picture),
    series: [
      {
        label: picture.across.label,
        value: (_chart, value) => (value === null ? "–" : write(value, picture.across.unit)),
      },
      ...picture.series.map((one) => seriesOf(picture, one)),
    ],
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    legend: { markers: { width: 0, fill: (_chart, index) => colour(picture.series[index - 1]?.meaning ?? "quiet") } },
    hooks: { drawClear: [drawMarks(picture)] },
  };
  drawn.set(figure, new uPlot(options, [[...picture.places], ...heights(picture)], target));
  const toggle = figure.querySelector("[data-as-table]");
  const isTable = () => toggle.getAttribute("aria-pressed") === "true";
  const show = () => {
    const table = figure.querySelector(".picture-table");
    if (isTable()) table.replaceChildren(buildTable(picture));
    table.hidden = !isTable();
    target.hidden = isTable();
  };
  toggle.onclick = () => {
    toggle.setAttribute("aria-pressed", String(!isTable()));
    show();
  };
  show();
}

/* Draws all pictures anew: at the start, when parts of the page were replaced, or colours change. */
function drawAll() {
  for (const [figure, chart] of drawn) {
    if (!figure.isConnected) {
      chart.destroy();
      drawn.delete(figure);
    }
  }
  document.querySelectorAll("[data-picture]").forEach(draw);
}

const resized = new ResizeObserver(() => {
  for (const [figure, chart] of drawn) {
    const width = figure.querySelector(".picture-canvas").clientWidth;
    if (width && Math.abs(width - chart.width) > 1) chart.setSize({ width, height: HEIGHT });
  }
});

drawAll();
resized.observe(document.getElementById("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("live:replaced", drawAll);
