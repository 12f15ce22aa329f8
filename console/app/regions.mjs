// With two Regions: which one this console is of, and where the other one's is.

import { loadConfig } from "./auth.mjs";

/** {here, at}: `at` has each Region's address. null where there is one Region, or nobody knows. */
export async function loadRegions() {
  try {
    const { region, regions } = await loadConfig();
    return regions ? { here: region, at: regions } : null;
  } catch {
    return null;
  }
}

/** The same view in the console of another Region; undefined where that is not known. */
export function viewIn(region, regions) {
  const address = Object.hasOwn(regions?.at ?? {}, region) ? regions.at[region] : undefined;
  return address && region !== regions.here ? `${address}/console/${location.hash}` : undefined;
}
