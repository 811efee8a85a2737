// A note with its marks. The API counts in Unicode code points, JavaScript in UTF-16 units: notes are cut as arrays of code points
// (`points`), and text is only ever set as text.
import { make } from "/static/shared.js";

// Draws a note into `region`. `marks` are {start, end, kind}, `tags` are [at, kind, text] and stand before the text that they name;
// the text is also cut at `places`, so that `show` finds them.
export function draw(region, points, { marks, tags, places }) {
  const named = new Map();
  for (const [at, kind, text] of tags) named.set(at, [...(named.get(at) || []), [kind, text]]);
  const ends = [...marks, ...places].filter((span) => span.start !== null).flatMap((span) => [span.start, span.end]);
  const cuts = [...new Set([0, points.length, ...ends])].sort((a, b) => a - b);
  const order = new Map(cuts.map((cut, index) => [cut, index]));
  const kinds = cuts.map(() => new Set());
  for (const mark of marks) {
    for (let at = order.get(mark.start); cuts[at] < mark.end; at += 1) kinds[at].add(mark.kind);
  }
  const pieces = [];
  for (let at = 0; at + 1 < cuts.length; at += 1) {
    const [start, end] = [cuts[at], cuts[at + 1]];
    for (const [kind, text] of named.get(start) || []) pieces.push(make("span", { class: `tag ${kind}` }, text));
    const piece = make("span", { class: ["seg", ...kinds[at]].join(" ") }, points.slice(start, end).join(""));
    piece.dataset.start = start;
    piece.dataset.end = end;
    pieces.push(piece);
  }
  region.replaceChildren(...pieces);
}

// Marks what lies in [start, end) as hit and nothing else; returns its first piece, or null.
export function show(region, start, end) {
  let first = null;
  for (const piece of region.querySelectorAll(".seg")) {
    const hit = Number(piece.dataset.start) < end && start < Number(piece.dataset.end);
    piece.classList.toggle("hit", hit);
    if (hit && first === null) first = piece;
  }
  return first;
}

// The stretch of the note that is selected in `region`, in code points and without blanks at its ends; null where none is.
export function selected(region, points) {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  if (!region.contains(range.startContainer) || !region.contains(range.endContainer)) return null;
  return trimmed(points, offsetOf(region, range.startContainer, range.startOffset), offsetOf(region, range.endContainer, range.endOffset));
}

// A stretch without blanks at its ends; null where nothing is left.
export function trimmed(points, start, end) {
  while (start < end && /\s/u.test(points[start])) start += 1;
  while (start < end && /\s/u.test(points[end - 1])) end -= 1;
  return start < end ? { start, end } : null;
}

// The offset in the note of a place in the region: tags between the pieces count for nothing.
function offsetOf(region, node, offset) {
  const before = document.createRange();
  before.setStart(region, 0);
  before.setEnd(node, offset);
  let count = 0;
  for (const piece of before.cloneContents().querySelectorAll(".seg")) count += Array.from(piece.textContent).length;
  return count;
}
