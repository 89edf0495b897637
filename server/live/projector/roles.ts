/**
 * Power levels as roles (S8): what a user interface shows, and what PERMISSIONS of small tables may ask.
 * Reading never depends on a role, and the auth rules stay the judge of every event.
 */
import type { LiveRole } from '../../kernel/live-rows.js'

/** Creators of a version-12 room stand above every level; the database gets the largest whole number for that. */
export const storedLevel = (level: number): number => Math.min(level, Number.MAX_SAFE_INTEGER)

export function roleOf(membership: string | undefined, level: number): LiveRole {
  if (membership !== 'join' || level < 0) return 'None'
  if (level >= 100) return 'Owner'
  return level >= 50 ? 'Editor' : 'Viewer'
}
