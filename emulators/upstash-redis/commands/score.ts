/** The shortest decimal that reads back as the same double, as Redis writes scores since 7.2. */
export function formatScore(score: number): string {
  if (score === Infinity) return "inf";
  if (score === -Infinity) return "-inf";
  return Object.is(score, -0) ? "-0" : String(score);
}
