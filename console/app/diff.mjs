// What one event changed: two states of an aggregate, member by member.

function flat(state, path, into) {
  for (const [name, value] of Object.entries(state ?? {})) {
    const here = path ? `${path}.${name}` : name;
    if (value && typeof value === "object" && !Array.isArray(value)) flat(value, here, into);
    else into.set(here, value);
  }
  return into;
}

const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);

/** Members in the order of `after`, then those that are gone: {name, before, after, changed}. */
export function diff(before, after) {
  const [old, now] = [flat(before, "", new Map()), flat(after, "", new Map())];
  const names = [...now.keys(), ...[...old.keys()].filter((name) => !now.has(name))];
  return names.map((name) => ({
    name,
    before: old.get(name),
    after: now.get(name),
    changed: !same(old.get(name), now.get(name)),
  }));
}
