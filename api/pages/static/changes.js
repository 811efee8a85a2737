// What a decision changed, in lines that people read. It holds offsets alone: the words come from the note, where the page has it.
import { named, quoted } from "/static/shared.js";

const parts = ["blocks", "tasks", "mentions", "goals"];
const isSome = (part) => part.added.length + part.removed.length + part.changed.length > 0;

// Whether a decision left anything otherwise than it was proposed.
export const isChanged = (changes) =>
  changes !== null && changes !== undefined && (changes.code !== null || Object.keys(changes.minutes).length > 0 || Object.values(changes.units).some((each) => Object.keys(each).length > 0) || parts.some((part) => isSome(changes[part])));

// Code, minutes and units, each before and after.
export function billedLines(changes, words) {
  const pair = ([from, to]) => `${from ?? "none"} → ${to ?? "none"}`;
  return [
    ...(changes.code === null ? [] : [`code ${pair(changes.code)}`]),
    ...Object.entries(changes.minutes).map(([number, both]) => `minutes of ${named(words, number)}: ${pair(both)}`),
    ...Object.entries(changes.units).flatMap(([policy, codes]) => Object.entries(codes).map(([number, both]) => `units of ${number}, ${words.policies[policy].label}: ${pair(both)}`)),
  ];
}

// Blocks, tasks, what was not done and goals; `points` are the note's code points, null where the page has it not.
export function readLines(changes, words, points) {
  const said = (span) => (points === null ? `characters ${span.start} to ${span.end}` : quoted(points.slice(span.start, span.end).join("")));
  const block = (each) => `${each.code === "other" ? named(words, each.other_code ?? "another service") : named(words, each.code)}, ${each.minutes === null ? "no minutes" : `${each.minutes} min`}`;
  const why = (each) => `${said(each)} (${words.mentions[each.status]})`;
  const moved = ([from, to]) => (block(from) === block(to) ? `block of ${block(to)}: it reaches otherwise` : `block ${block(from)} → ${block(to)}`);
  const told = (part, added, removed, changed) => [...changes[part].removed.map(removed), ...changes[part].changed.map(changed), ...changes[part].added.map(added)];
  return [
    ...told("blocks", (each) => `a new block: ${block(each)}`, (each) => `no block any more: ${block(each)}`, moved),
    ...told("tasks", (each) => `done today: ${said(each)}`, (each) => `not counted as done any more: ${said(each)}`, ([from, to]) => `task ${said(from)} → ${said(to)}`),
    ...told("mentions", (each) => `not done today: ${why(each)}`, (each) => `no longer marked as not done: ${why(each)}`, ([from, to]) => `not done today: ${why(from)} → ${why(to)}`),
    ...told("goals", (each) => `a goal: ${said(each)}`, (each) => `no goal any more: ${said(each)}`, ([from, to]) => `goal ${said(from)} → ${said(to)}`),
  ];
}
