// For trainers: the versions and what the gate found on each, retraining with its log, promotion and the way back.
import { $, UNREACHABLE, ask, begin, confirmed, counted, inWords, instant, make, percent, say, send, showProblem, table } from "/static/shared.js";

const LOOK = 1500; // milliseconds between two looks at a job that runs
const TAKE_OVER = 20; // looks that a server may need to take a version over
const RUNNING = ["queued", "running", "cancelling"];

let words = null;
let decides = false; // what serves and what trains is for trainers alone
let followed = null; // id of the job that is shown
let versions = [];
let encoderOffered = false;
let before = null; // the version that going back brings

const button = (text, label, click) => make("button", { attributes: { type: "button", "aria-label": label }, click }, text);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// ---- versions

async function showVersions() {
  const answer = await ask("GET", "/v1/models");
  if (answer === null) return false;
  versions = answer.versions;
  before = answer.before;
  // Where the first version serves there is nothing to go back to.
  $("rollback").hidden = !decides || before === null;
  $("refused").hidden = answer.refused === null;
  $("refused").textContent = answer.refused === null ? "" : `This server could not take over version ${answer.refused}; the one before goes on. Go back, or ask whoever runs the server for its log.`;
  const rows = versions.map((each) => {
    const state = [each.serving ? "serves" : null, each.current && !each.serving ? "is to serve; this server takes it over within seconds" : null, each.shipped ? "came with the program" : null].filter(Boolean);
    const actions = [];
    if (each.verdict !== null) actions.push(button("Verdict", `Verdict on ${each.version}`, () => showVerdict(each.version)));
    if (decides && each.verdict === "pass" && !each.current) actions.push(button("Promote", `Promote ${each.version}`, () => promote(each.version)));
    return [
      each.version,
      state.join(", "),
      each.verdict === null ? "not judged" : make("span", { class: `pill ${each.verdict}` }, words.outcomes[each.verdict]),
      each.refusals.join(" "),
      make("div", { class: "actions" }, ...actions),
    ];
  });
  $("versions").replaceChildren(table("The one that came with the program first", ["Version", "State", "Gate", "Why it was refused", "Change"], rows));
  return true;
}

const figure = (value) => (value === null ? "" : String(Number(value.toFixed(3))));

async function showVerdict(version) {
  const verdict = await ask("GET", `/v1/models/${encodeURIComponent(version)}/verdict`);
  if (verdict === null) return;
  const number = (outcome) => verdict.criteria.filter((each) => each.outcome === outcome).length;
  $("verdict-heading").textContent = `The gate on ${version}: ${words.outcomes[verdict.outcome]}`;
  $("verdict-summary").textContent = `Against ${verdict.current}, ${instant(verdict.judged_at)}: ${number("pass")} passed, ${number("fail")} failed, ${number("not_applicable")} not applicable.`;
  const order = ["fail", "pass", "not_applicable"];
  const rows = [...verdict.criteria]
    .sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))
    .map((each) => [
      each.profile ? `${each.name} (${each.profile})` : each.name,
      make("span", { class: `pill ${each.outcome}` }, words.outcomes[each.outcome]),
      figure(each.current),
      figure(each.candidate),
      each.low === null ? "" : `${figure(each.low)} to ${figure(each.high)}`,
      figure(each.margin),
      each.items === null ? "" : String(each.items),
      each.reason,
    ]);
  const names = ["Criterion", "Outcome", "Serves now", "Candidate", "Difference, 95 %", "Allowed", "Notes or blocks", "Why"];
  $("criteria").replaceChildren(rows.length ? table("Every criterion with both figures; what failed first", names, rows) : make("p", { class: "hint" }, "This verdict names no criterion."));
  $("verdict").hidden = false;
  $("verdict-heading").focus();
}

async function promote(version) {
  if (!(await confirmed(`Let ${version} code all notes from now on? Results say which version made them; you can go back at any time.`, "Promote"))) return;
  const changed = await ask("POST", `/v1/models/${encodeURIComponent(version)}/promote`);
  if (changed !== null) await takenOver(changed);
}

async function rollback() {
  if (!(await confirmed(`Let ${before} serve again, the version before?`, "Go back"))) return;
  const changed = await ask("POST", "/v1/models/rollback");
  if (changed !== null) await takenOver(changed);
}

// Waits until this server answers with the version that was chosen.
async function takenOver({ version, previous }) {
  say(`${version} takes the place of ${previous} …`);
  for (let look = 0; look < TAKE_OVER; look += 1) {
    if (!(await showVersions())) return;
    if (versions.find((each) => each.version === version)?.serving) return say(`${version} serves now.`);
    await wait(LOOK);
  }
  showProblem(`${version} is chosen, but this server does not answer with it yet. Look again; where that does not help, its log says why, and “Go back” brings ${previous} back.`);
}

// ---- jobs

async function showJobs() {
  const answer = await ask("GET", "/v1/jobs");
  if (answer === null) return false;
  const rows = answer.jobs.map((job) => [
    instant(job.created_at),
    words.job_states[job.state] + (job.failure ? ` (${job.failure})` : ""),
    button("Show", `Show the job of ${instant(job.created_at)}`, () => follow(job.id)),
  ]);
  $("jobs").replaceChildren(rows.length ? table("The latest first", ["Begun", "State", "Log"], rows) : make("p", { class: "hint" }, "None yet."));
  const running = answer.jobs.find((job) => RUNNING.includes(job.state));
  $("retrain").disabled = running !== undefined;
  // Chosen beforehand where it can be done, as the command does; afterwards it stays as the trainer set it.
  if (!encoderOffered) $("encoder").checked = answer.encoder;
  encoderOffered = true;
  $("encoder").disabled = !answer.encoder;
  $("no-encoder").hidden = answer.encoder;
  if (running && followed !== running.id) follow(running.id);
  return true;
}

// Shows a job and looks again until it has ended.
async function follow(id) {
  followed = id;
  for (;;) {
    let answer;
    try {
      answer = await send("GET", `/v1/jobs/${id}`);
    } catch {
      $("job-state").textContent = `${UNREACHABLE} The job goes on by itself.`;
      await wait(LOOK);
      if (followed !== id) return;
      continue;
    }
    if (followed !== id) return;
    if (!answer.ok) return showProblem(inWords(answer.body));
    showJob(answer.body);
    if (!RUNNING.includes(answer.body.state)) break;
    await wait(LOOK);
    if (followed !== id) return;
  }
  if ((await showJobs()) && (await showVersions())) say("The job has ended; its verdict stands in the list of versions.");
}

function showJob(job) {
  const isRunning = RUNNING.includes(job.state);
  $("job").hidden = false;
  $("cancel").hidden = !isRunning || job.state === "cancelling";
  $("job-progress").value = job.progress;
  const failed = job.state === "failed" ? ` (${job.failure}). The model that serves was not touched; the log says more. Retrain again, or ask whoever runs the server` : "";
  const state = `State of the job: ${words.job_states[job.state]}${failed}${isRunning && job.step ? `: ${words.job_steps[job.step] ?? job.step}, ${percent(job.progress)}` : ""}.`;
  // Said again only where it changed: it is read out.
  if ($("job-state").textContent !== state) $("job-state").textContent = state;
  $("job-log").textContent = job.log;
  const held = job.log.split("\n").flatMap((line) => [...line.matchAll(/^held ([0-9a-f-]{36}) (.*)$/g)]);
  $("held").replaceChildren(
    ...(held.length && !isRunning
      ? [
          make("h3", {}, `${counted(held.length, "label")} held: they did not train`),
          make("ul", { class: "plain" }, ...held.map(([, review, why]) => make("li", {}, make("span", { class: "words" }, why), decides && button("Let it train", `Let the label of review ${review} train: ${why}`, (event) => release(review, event.currentTarget)) || null))),
        ]
      : []),
  );
}

async function release(review, pressed) {
  if (!(await confirmed("Let this label train from the next job on? That is written down with your name.", "Let it train"))) return;
  if ((await ask("POST", `/v1/labels/${review}/release`)) === null) return;
  pressed.disabled = true;
  say("It trains from the next job on.");
}

$("retrain").addEventListener("click", async () => {
  $("retrain").disabled = true;
  const job = await ask("POST", "/v1/jobs", { kind: "retrain", encoder: $("encoder").checked });
  if (job === null) {
    $("retrain").disabled = false;
    return;
  }
  say("The job has begun; you may leave this page.");
  follow(job.id);
});
$("cancel").addEventListener("click", async () => {
  $("cancel").hidden = true;
  if ((await ask("POST", `/v1/jobs/${followed}/cancel`)) !== null) say("It stops within seconds.");
});
$("rollback").addEventListener("click", rollback);

(async () => {
  const begun = await begin();
  if (begun === null) return;
  words = begun.words;
  decides = begun.me.role === "trainer";
  $("decides").hidden = decides;
  if ((await showVersions()) && (await showJobs())) {
    $("content").hidden = false;
    say("");
  }
})();
