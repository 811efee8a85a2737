// A note's documentation audit: a score with its formula, what is there with its words, what is missing with an example.
import { make, named, quoted } from "/static/shared.js";

const SIGNS = { present: "✓ present", missing: "✗ missing", not_applicable: "– not asked" };

function item(each, words, jump) {
  const told = words.documentation;
  const asks = `${each.level}${each.confirmed ? "" : `, ${told.unconfirmed}`}: ${each.rule || each.source}`;
  return make(
    "li",
    { class: each.state === "present" ? "yes" : each.state === "missing" ? "no" : "" },
    make("span", { class: "sign" }, SIGNS[each.state]),
    make("span", { class: "name" }, each.name),
    each.state === "present" && each.spans.length ? jump(each.spans[0].start, each.spans[0].end, each.name) : null,
    each.why ? make("p", { class: "whole" }, each.why) : null,
    each.example ? make("p", { class: "whole example" }, each.example) : null,
    each.example ? make("p", { class: "whole hint" }, `Asked for (${asks})`) : null,
  );
}

const items = (found, words, jump) => make("ul", { class: "checklist" }, ...found.map((each) => item(each, words, jump)));

function goal(each, words, jump) {
  const told = words.documentation;
  const parts = each.parts.map((part) => make("li", { class: part.span ? "yes" : "no" }, make("span", { class: "sign" }, part.span ? "✓ there" : "✗ missing"), make("span", { class: "name" }, part.span ? `${part.name}: ${quoted(part.span.text)}` : `${part.name}: ${part.add}`)));
  const marks = [each.vague ? told.vague : "", each.met ? told.met : ""].filter(Boolean);
  return make("article", { class: "card" }, make("h4", {}, [quoted(each.text), ...marks].join(" – ")), make("ul", { class: "checklist" }, ...parts), jump(each.start, each.end, each.text));
}

export function audit(found, words, jump) {
  const told = words.documentation;
  const documents = found.documents.filter((each) => each.state !== "not_applicable");
  const section = (title, ...content) => [make("h3", {}, title), ...content];
  return [
    make("p", { class: "headline" }, found.score === null ? told.no_score : told.score.replace("{score}", found.score)),
    make("p", {}, found.formula),
    found.dates ? make("p", {}, found.dates) : "",
    ...found.services.flatMap((service, at) =>
      section(`${at + 1}. ${service.code === null ? "Another service" : named(words, service.code)}`, items(service.items, words, jump), service.finding ? make("p", { class: "differs" }, service.finding) : ""),
    ),
    ...section(told.note, items(found.note, words, jump)),
    ...(documents.length ? section(told.documents, items(documents, words, jump)) : []),
    ...(found.goals.length ? section(told.goals, ...found.goals.map((each) => goal(each, words, jump))) : []),
    ...(found.empty_words.length ? section(told.empty_words, make("ul", { class: "plain" }, ...found.empty_words.map((span) => make("li", {}, make("span", { class: "words" }, quoted(span.text)), jump(span.start, span.end, span.text))))) : []),
    make("p", { class: "hint" }, `${told.form} Rules ${found.rules}.`),
  ];
}
