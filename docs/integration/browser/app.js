// Sends a text to Perfsite and shows each stage as it comes. The token is in memory alone.
const FINISHED = ["complete", "failed", "cancelled", "quarantined"];
const PASSING = [undefined, 429, 502, 503, 504]; // undefined: there was no answer
const part = (id) => document.getElementById(id);
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const wanted = (answer) => Number(answer?.headers.get("Retry-After"));
const regions = new Intl.DisplayNames(["en"], { type: "region" });
const say = (id, text) => Object.assign(part(id), { textContent: text });
const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const fill = (id, tag, all) => part(id).replaceChildren(...(all || []).map((t) => made(tag, t)));
let access, draft; // { url, token, until }; { text, key }: unanswered, it is sent again as it was
async function renew() {
  const answer = await fetch("/perfsite-token", { method: "POST" }).catch(() => null);
  if (!answer?.ok) throw new Error(answer?.status === 401 ? "Please sign in." : "Try again later.");
  const { expires_in_seconds: lifetime, ...told } = await answer.json();
  access = { ...told, until: Date.now() + (lifetime - 30) * 1000 };
}
async function ask(path, options = {}, tries = 1, renewed = false) {
  if (!access || Date.now() > access.until) await renew();
  const headers = { ...options.headers, Authorization: `Bearer ${access.token}` };
  const how = { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(35_000) };
  const answer = await fetch(access.url + path, { ...options, headers, ...how }).catch(() => null);
  if (answer?.ok || answer?.status === 304) return answer;
  const refused = answer?.status === 401 && !renewed;
  const passing = PASSING.includes(answer?.status) || (answer.status === 409 && wanted(answer));
  if (refused) access = null;
  else if (passing && tries < 6) await sleep((wanted(answer) || 2 ** tries / 4) + Math.random());
  else {
    const { detail, errors = [] } = (await answer?.json().catch(() => null)) ?? {};
    const fields = errors.map(({ field, message }) => `${field}: ${message}`).join("; ");
    throw new Error(fields || detail || "Perfsite does not answer right now. Try again later.");
  }
  return ask(path, options, tries + 1, renewed || refused);
}
function show({ status, risk, stage1, stage2 }) {
  say("error", "");
  const ended = status === "complete" ? "Done." : "It did not work out.";
  say("status", FINISHED.includes(status) ? ended : "Working ...");
  part("safety").hidden = !risk.flagged; // above all else, and then no feeling is named
  fill("help-lines", "li", stage2?.help_lines?.map(({ contact, name, region, hours }) =>
    [`${regions.of(region)}: ${contact} (${name})`, hours].filter(Boolean).join(". ")));
  const feeling = stage1?.result.wheel?.primary ?? "not clear from these words";
  fill("feeling", "p", stage1 && !risk.flagged && [feeling]);
  fill("poem", "p", stage2?.result.poem);
  fill("tips", "li", stage2?.result.tips);
  fill("closing", "p", stage2 && [stage2.result.closing_line]);
}
async function enrich(text) {
  show({ risk: {} }); // nothing of the text before
  if (draft?.text !== text) draft = { text, key: crypto.randomUUID() };
  const headers = { "Content-Type": "application/json", "Idempotency-Key": draft.key };
  const body = JSON.stringify({ text, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  let answer = await ask("/api/v1/reflections/", { method: "POST", headers, body });
  for (let reflection; ; ) {
    if (answer.status !== 304) show((reflection = await answer.json()));
    if (FINISHED.includes(reflection.status)) return (draft = null);
    await sleep(answer.status === 304 ? wanted(answer) || 2 : 0.2);
    const known = { "If-None-Match": answer.headers.get("ETag") };
    answer = await ask(`/api/v1/reflections/${reflection.id}/?wait=20`, { headers: known });
  }
}
part("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  part("send").disabled = true;
  const told = ({ message }) => say("status", "") && say("error", message);
  await enrich(part("text").value).catch(told);
  part("send").disabled = false;
});
