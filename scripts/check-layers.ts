// node scripts/run.mjs scripts/check-layers.ts: who imports whom, held against .dependency-cruiser.cjs.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractConfig from "dependency-cruiser/config-utl/extract-depcruise-config";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";

const root = resolve(import.meta.dirname, "..");
const FOLDERS = ["api", "src", "cli", "local", "emulators"];
/** With a TypeScript that it can't read dependency-cruiser checks nothing, and calls that a success. */
const MODULES_MIN = 150;

export interface LayerReport {
  modules: number;
  /** `rule: from → to`, one for each. */
  violations: string[];
}

/** Cruises the house that stands in `baseDir`, by the rules of this repository. */
export async function checkLayers(baseDir: string = root): Promise<LayerReport> {
  const { options = {}, ...ruleSet } = await extractConfig(
    resolve(root, ".dependency-cruiser.cjs"),
  );
  const { enhancedResolveOptions, tsConfig: _, ...cruiseOptions } = options;
  const folders = FOLDERS.filter((folder) => existsSync(resolve(baseDir, folder)));
  const { output } = await cruise(
    folders,
    { ...cruiseOptions, baseDir, ruleSet, validate: true },
    { ...enhancedResolveOptions, bustTheCache: true },
    { tsConfig: extractTsConfig(resolve(root, "tsconfig.json")) },
  );
  const { summary } = output as ICruiseResult;
  return {
    modules: summary.totalCruised,
    violations: summary.violations.map(
      ({ rule, from, to }) => `${rule.name}: ${from}${to === from ? "" : ` → ${to}`}`,
    ),
  };
}

/** @returns what is wrong, in lines; none when all is well. */
export function faultsOf({ modules, violations }: LayerReport, modulesMin = MODULES_MIN): string[] {
  if (modules >= modulesMin) return violations;
  return [`cruised ${modules} modules, and there are at least ${modulesMin}`, ...violations];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const report = await checkLayers();
  const faults = faultsOf(report);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.stdout.write(`${report.modules} modules, ${faults.length} violation(s)\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
