/** A headless server in a process of its own: where it serves, or why it does not. */
import { type Child, startChild } from './child.js'

export type HeadlessArgs = { args: string[]; env: Record<string, string> }
export type HeadlessSays = { ready: string } | { complaint: string }

export type HeadlessServer = { child: Child; url: string }

/** @returns once it is ready, or its exit code and its last sentence */
export async function startHeadless(
  dataDir: string,
  args: readonly string[] = [],
): Promise<HeadlessServer | { code: number | null; complaint: string }> {
  const env = {
    HEARTH_REGISTRATION_ENABLED: 'true',
    HEARTH_REGISTRATION_DUMMY_FLOW: 'true',
    HEARTH_RATE_LIMITS_ENABLED: 'false',
    HEARTH_PASSWORD_HASHING_COST: 'test',
    HEARTH_LOG_LEVEL: 'silent',
  }
  const given: HeadlessArgs = { args: ['--data-dir', dataDir, '--server-name', 'disk.test', ...args], env }
  const child = startChild(new URL('../server/children/serve-headless.ts', import.meta.url), given)
  const isReady = (message: unknown) => 'ready' in (message as HeadlessSays)
  const ready = await child.hears<{ ready: string }>(isReady).catch(() => undefined)
  if (ready) return { child, url: ready.ready }
  return { code: await child.ended, complaint: complaintsOf(child).at(-1) ?? '' }
}

export const complaintsOf = ({ said }: Child): string[] =>
  said.flatMap((each) => ('complaint' in (each as HeadlessSays) ? [(each as { complaint: string }).complaint] : []))
