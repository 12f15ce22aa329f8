// A form that is one command: under one key, whatever happens to its answer, so that it is one event.

import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { post } from "./api.mjs";
import { html, Problem } from "./ui.mjs";

const PAUSE_MS = 400;

/**
 * `fields`: [{name, label, hint?, required?, type?, pattern?, placeholder?, value?, options?}].
 * `command(values, key)`: {path, validatePath, body, validateBody?, sequence?}.
 * `accepted(receipt, values)` is called with the receipt, and awaited.
 */
export function CommandForm({ fields, command, action, accepted, before, danger, cancel }) {
  const [values, setValues] = useState(() => Object.fromEntries(fields.map((each) => [each.name, each.value ?? ""])));
  const [key] = useState(() => crypto.randomUUID());
  const [foresight, setForesight] = useState(null);
  const [error, setError] = useState(null);
  const [sending, setSending] = useState(false);
  const busy = useRef(false);
  const form = useRef(null);

  useForesight({ fields, values, command, key, setForesight, busy });

  const send = async (event) => {
    event.preventDefault();
    if (busy.current) return;
    busy.current = true;
    setSending(true);
    setError(null);
    setForesight(null);
    try {
      const { path, body, sequence } = command(trimmed(values), key);
      await accepted(await post(path, body, { key, sequence }), trimmed(values));
    } catch (failure) {
      busy.current = false;
      setSending(false);
      setError(failure);
      const wrong = (failure.details?.violations ?? []).map((each) => bare(each.path));
      const first = fields.find((each) => wrong.includes(each.name));
      if (first) form.current.elements[first.name]?.focus();
    }
  };
  const told = error ?? foresight?.error;
  return html`<form class="command" ref=${form} onSubmit=${send} data-key=${key}>
    ${before}
    ${fields.map(
      (each) => html`<${Field}
        key=${each.name}
        field=${each}
        value=${values[each.name]}
        problem=${problemOf(each.name, told)}
        change=${(value) => setValues((all) => ({ ...all, [each.name]: value }))}
      />`,
    )}
    <div class="actions">
      <button class=${danger ? "primary danger" : "primary"} disabled=${sending}>${sending ? "Sending …" : action}</button>
      ${cancel && html`<a class="button" href=${cancel}>Back</a>`}
      <p class="foresight" role="status">${!error && foresight && html`<${Foresight} of=${foresight} />`}</p>
    </div>
    <${Problem} error=${error} />
  </form>`;
}

/** Asks, a moment after the last key, whether the command would be accepted. What that says is advice, no decision. */
function useForesight({ fields, values, command, key, setForesight, busy }) {
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    setForesight(null);
    const given = trimmed(values);
    if (fields.some((each) => each.required && !given[each.name])) return undefined;
    const leaving = new AbortController();
    const timer = setTimeout(async () => {
      const { validatePath, body, validateBody, sequence } = command(given, key);
      try {
        const { wouldBe } = await post(validatePath, validateBody ?? body, { key, sequence, signal: leaving.signal });
        if (!busy.current && !leaving.signal.aborted) setForesight({ sequence: wouldBe.sequence });
      } catch (error) {
        if (!busy.current && !leaving.signal.aborted && error.status) setForesight({ error });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [values]);
}

function Foresight({ of }) {
  if (of.sequence) return html`<span class="good">✓ Would be event ${of.sequence}</span>`;
  const { rule } = of.error.details;
  return html`<span class="bad">✕ ${of.error.message}${rule && html` <code class="rule">${rule}</code>`}</span>`;
}

function Field({ field, value, problem, change }) {
  const { name, label, hint, required, options, ...rest } = field;
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(" ");
  const shared = {
    id: name,
    name,
    value,
    required,
    "aria-describedby": described || undefined,
    "aria-invalid": problem ? "true" : undefined,
    onInput: (event) => change(event.currentTarget.value),
  };
  return html`<div class="field">
    <label for=${name}>${label}${!required && html` <span class="quiet">optional</span>`}</label>
    ${options
      ? html`<select ...${shared}>${options.map((each) => html`<option value=${each}>${each}</option>`)}</select>`
      : html`<input autocomplete="off" spellcheck=${false} ...${rest} ...${shared} />`}
    ${hint && html`<p class="hint" id=${`${name}-hint`}>${hint}</p>`}
    ${problem && html`<p class="hint bad" id=${`${name}-problem`}>${problem}</p>`}
  </div>`;
}

const bare = (path) => path.replace(/^eventData\./, "");

function problemOf(name, error) {
  return (error?.details?.violations ?? []).find((each) => bare(each.path) === name)?.message;
}

const trimmed = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.trim()]));

/** Without what was left empty: nothing is said by it. */
export const said = (data) => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== ""));
