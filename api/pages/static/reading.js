// A coder's reading of a note while it is edited: blocks, tasks not done and goals as stretches in code points. An edit gives a new
// reading and leaves the old one as it was, so that undoing is going back. One that cannot be made throws `Refused`, which says why.

export class Refused extends Error {}

const MOST_MINUTES = 240; // of one block, as the API has it

const bare = ({ start, end }) => ({ start, end });
const byPlace = (a, b) => a.start - b.start || a.end - b.end;
const crosses = (a, b) => a.start < b.end && b.start < a.end;

// The reading that a result or a decision gives.
export function readingOf({ services, mentions, goals }) {
  return {
    services: services.map(({ start, end, code, other_code, minutes, activities }) => ({ start, end, code, other_code, minutes, activities: activities.map(bare) })),
    mentions: mentions.map(({ start, end, status }) => ({ start, end, status })),
    goals: goals.map(bare),
  };
}

export const alike = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// Why a reading differs, in the API's terms; the coder may say otherwise.
export function reasonOf(before, after) {
  const told = (pick) => !alike(before.services.map(pick), after.services.map(pick));
  const tasks = (reading) => reading.services.flatMap((block) => block.activities);
  if (after.mentions.some((mention) => tasks(before).some((task) => crosses(task, mention)))) return "not_done_today";
  if (before.services.length !== after.services.length) return "wrong_blocks";
  if (told((block) => [block.code, block.other_code])) return "wrong_code";
  if (told((block) => block.minutes)) return "wrong_minutes";
  if (tasks(before).length < tasks(after).length) return "missed_task";
  if (!alike(before.goals, after.goals)) return "wrong_goal";
  return "wrong_span";
}

// ---- blocks

const changed = (reading, at, change) => ({ ...reading, services: reading.services.map((block, each) => (each === at ? { ...block, ...change } : block)) });

export const withCode = (reading, at, code) => changed(reading, at, { code, other_code: code === "other" ? reading.services[at].other_code : null });

export function withOther(reading, at, text) {
  const other_code = text.trim().toUpperCase() || null;
  if (other_code !== null && !/^[0-9A-Z]{4,7}$/.test(other_code)) throw new Refused("A code has four to seven digits or letters, such as 97140.");
  return changed(reading, at, { other_code });
}

export function withMinutes(reading, at, text) {
  const minutes = text.trim() === "" ? null : Number(text);
  if (minutes !== null && !(Number.isInteger(minutes) && 0 < minutes && minutes <= MOST_MINUTES)) {
    throw new Refused(`Minutes are a whole number from 1 to ${MOST_MINUTES}, or empty where the note gives none.`);
  }
  return changed(reading, at, { minutes });
}

// The task and those behind it become a block of their own; the minutes stay with the first one.
export function split(reading, at, task) {
  const block = reading.services[at];
  if (!task) throw new Refused("Choose the task (t) that the new block begins with; the first one begins this block already.");
  const [head, tail] = [block.activities.slice(0, task), block.activities.slice(task)];
  const first = { ...block, end: head[head.length - 1].end, activities: head };
  const second = { ...block, start: tail[0].start, end: Math.max(block.end, tail[tail.length - 1].end), minutes: null, activities: tail };
  return { ...reading, services: reading.services.toSpliced(at, 1, first, second) };
}

// One block of two that follow each other, with the first one's code and the minutes of both.
export function join(reading, at) {
  const [one, other] = [reading.services[at], reading.services[at + 1]];
  if (!other) throw new Refused("There is no block behind this one to join it with.");
  const block = {
    ...one,
    start: Math.min(one.start, other.start),
    end: Math.max(one.end, other.end),
    minutes: one.minutes === null && other.minutes === null ? null : (one.minutes ?? 0) + (other.minutes ?? 0),
    activities: [...one.activities, ...other.activities].sort(byPlace),
  };
  return { ...reading, services: reading.services.toSpliced(at, 2, block) };
}

export const withoutBlock = (reading, at) => ({ ...reading, services: reading.services.toSpliced(at, 1) });

// A block of one task; [reading, where it stands].
export function withBlock(reading, stretch, code) {
  free(reading, stretch);
  const block = { ...bare(stretch), code, other_code: null, minutes: null, activities: [bare(stretch)] };
  const services = [...reading.services, block].sort(byPlace);
  return [{ ...reading, services }, services.indexOf(block)];
}

// ---- tasks

function free(reading, stretch, but = null) {
  const there = reading.services.flatMap((block) => block.activities).find((task) => task !== but && crosses(task, stretch));
  if (there) throw new Refused("There is a task already in what you selected. Correct that one's span (e) or remove it (d) first.");
}

// A block reaches as far as its tasks.
function reaching(block, activities) {
  const inside = [block, ...activities];
  return { start: Math.min(...inside.map((each) => each.start)), end: Math.max(...inside.map((each) => each.end)), activities: activities.sort(byPlace) };
}

export function withTask(reading, at, stretch) {
  free(reading, stretch);
  const block = reading.services[at];
  return changed(reading, at, reaching(block, [...block.activities, bare(stretch)]));
}

export function movedTask(reading, at, task, stretch) {
  const block = reading.services[at];
  free(reading, stretch, block.activities[task]);
  return changed(reading, at, reaching(block, block.activities.toSpliced(task, 1, bare(stretch))));
}

export const withoutTask = (reading, at, task) => changed(reading, at, { activities: reading.services[at].activities.toSpliced(task, 1) });

// A task that was not done: a mention, and no block where it was the only task of one.
export function notDone(reading, at, task, status) {
  const block = reading.services[at];
  const mentions = [...reading.mentions, { ...block.activities[task], status }].sort(byPlace);
  const rest = block.activities.length === 1 ? withoutBlock(reading, at) : withoutTask(reading, at, task);
  return { ...rest, mentions };
}

// ---- what was not done, and goals

export function withMention(reading, stretch, status) {
  free(reading, stretch);
  return { ...reading, mentions: [...reading.mentions, { ...bare(stretch), status }].sort(byPlace) };
}

export const withStatus = (reading, at, status) => ({ ...reading, mentions: reading.mentions.map((mention, each) => (each === at ? { ...mention, status } : mention)) });
export const withoutMention = (reading, at) => ({ ...reading, mentions: reading.mentions.toSpliced(at, 1) });

// A mention was done today after all: a task of a block.
export const done = (reading, mention, at) => withTask(withoutMention(reading, mention), at, reading.mentions[mention]);

export const withGoal = (reading, stretch) => ({ ...reading, goals: [...reading.goals, bare(stretch)].sort(byPlace) });
export const withoutGoal = (reading, at) => ({ ...reading, goals: reading.goals.toSpliced(at, 1) });
