/**
 * How a test event of ours is known when it comes back: by its title, the one part that every service shows in all
 * that it sends. The marker names a deployment and the look at it.
 */
export const testEventTitle = (marker: string): string => `Signalbox check ${marker}`;

const TITLE = /^Signalbox check (dep_[0-9A-Za-z]{1,60}-[0-9a-z]{1,20})$/;

/** The marker of our own test event; null of every other title. */
export const markerIn = (title: string): string | null => TITLE.exec(title.trim())?.[1] ?? null;
