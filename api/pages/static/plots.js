// Small plots as inline SVG. A plot is a picture: what it shows stands in a table beside it, which screen readers read in its place.
import { make, table } from "/static/shared.js";

const [WIDTH, HEIGHT] = [460, 220];
const SIDES = { left: 46, right: 12, top: 12, bottom: 30 };
const STEPS = [1, 2, 5, 10];
const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
// Steps of a scale of seconds that people read well.
const SECONDS = [15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 365 * DAY];
const PARTS = 4;

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const scale = (step) => Array.from({ length: PARTS + 1 }, (_, at) => at * step);

// Four steps that reach `most`: of whole numbers, of seconds.
function counts(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most / PARTS)));
  return scale(STEPS.find((each) => most <= PARTS * each * power) * power);
}
const seconds = (most) => scale(SECONDS.find((each) => most <= PARTS * each) ?? most / PARTS);

// Axes with x in [0, 1] and y over `ticks`; `draw` gets the scales and adds what is to be seen.
function axes(label, { ticks, told = String, names }, draw) {
  const [right, bottom] = [WIDTH - SIDES.right, HEIGHT - SIDES.bottom];
  const x = (share) => SIDES.left + share * (right - SIDES.left);
  const y = (value) => bottom - (value / ticks.at(-1)) * (bottom - SIDES.top);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "plot", role: "img", "aria-label": label });
  for (const tick of ticks) {
    picture.append(svg("line", { class: "grid-line", x1: SIDES.left, x2: right, y1: y(tick), y2: y(tick) }));
    picture.append(svg("text", { x: SIDES.left - 6, y: y(tick) + 4, "text-anchor": "end" }, told(tick)));
  }
  for (const [share, name, anchor = "middle"] of names) picture.append(svg("text", { x: x(share), y: HEIGHT - 8, "text-anchor": anchor }, name));
  picture.append(...draw({ x, y, right }));
  return picture;
}

// A plot with its figures in a table that opens below it.
export function shown(picture, caption, names, rows) {
  return [picture, make("details", {}, make("summary", {}, "The figures"), make("div", { class: "scroll", attributes: { tabindex: "0", role: "region", "aria-label": caption } }, table(caption, names, rows)))];
}

// Bars over days; `parts` are [key, class], the first one lowest.
export function bars(label, days, parts) {
  const most = Math.max(1, ...days.map((day) => parts.reduce((sum, [key]) => sum + day[key], 0)));
  const wide = 1 / days.length;
  return axes(label, { ticks: counts(most), names: ends(days) }, ({ x, y }) =>
    days.flatMap((day, at) => {
      let base = 0;
      return parts.map(([key, kind]) => {
        const [from, to] = [base, (base += day[key])];
        return svg("rect", { class: kind, x: x(at * wide) + 0.5, width: Math.max(1, x(wide) - x(0) - 1), y: y(to), height: y(from) - y(to) });
      });
    }),
  );
}

// Seconds over days as joined points: {day, value}.
export function line(label, days, told) {
  const place = (at) => (at + 0.5) / days.length;
  const seen = days.map((day, at) => [place(at), day.value]).filter(([, value]) => value !== null);
  return axes(label, { ticks: seconds(Math.max(...seen.map(([, value]) => value))), told, names: ends(days) }, ({ x, y }) => [
    svg("polyline", { class: "curve", points: seen.map(([at, value]) => `${x(at)},${y(value)}`).join(" ") }),
    ...seen.map(([at, value]) => svg("circle", { class: "dot", cx: x(at), cy: y(value), r: 3 })),
  ]);
}

const ends = (days) => (days.length ? [[0, days[0].day, "start"], ...(days.length > 1 ? [[1, days.at(-1).day, "end"]] : [])] : []);

// Shares with their intervals against what was promised: {promised, share, low, high}, all in [0, 1].
export function calibration(label, points) {
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const told = (share) => `${Math.round(share * 100)} %`;
  return axes(label, { ticks, told, names: [[0, "0 % sure", "start"], [0.5, "50 %"], [1, "100 %", "end"]] }, ({ x, y }) => [
    svg("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    ...points.flatMap((point) => [
      svg("line", { class: "interval", x1: x(point.promised), x2: x(point.promised), y1: y(point.low), y2: y(point.high) }),
      svg("circle", { class: "dot", cx: x(point.promised), cy: y(point.share), r: 4 }),
    ]),
  ]);
}

const NAMED = 4; // of more lines than that, those that rise alone have their names in the plot

// Shares over weeks, a line a series: {name, isRising, weeks: [{week, share}]}; `weeks` is how many there are.
export function shares(label, series, weeks) {
  const told = (share) => `${Math.round(share * 100)} %`;
  const names = [[0, "week 1", "start"], [1, `week ${weeks}`, "end"]];
  return axes(label, { ticks: [0, 0.25, 0.5, 0.75, 1], told, names }, ({ x, y, right }) =>
    series.flatMap((each, at) => {
      const points = each.weeks.map((week) => [x(weeks > 1 ? week.week / (weeks - 1) : 0.5), y(week.share)]);
      const [endX, endY] = points.at(-1);
      const isNamed = each.isRising || series.length <= NAMED;
      const name = isNamed ? [svg("text", { class: each.isRising ? "rises" : "", x: Math.min(endX, right), y: Math.max(14, endY - 8), "text-anchor": "end" }, each.isRising ? `${each.name} ▲` : each.name)] : [];
      return [
        svg("polyline", { class: `series-${at % 4}${each.isRising ? " rising" : ""}`, points: points.map((point) => point.join(",")).join(" ") }),
        ...points.map(([cx, cy]) => svg("circle", { class: each.isRising ? "dot rising" : "dot", cx, cy, r: each.isRising ? 4 : 2.5 })),
        ...name,
      ];
    }),
  );
}
