/** The bench's side of `ui-channels.ts`: windows that watch, in a process of their own. */
import { startChild } from '../support/child.js'
import type { MatrixClient } from '../support/matrix-client.js'
import { summarise } from './measure.js'
import type { UiChannelMessage } from './ui-channels.js'

export type Windows = {
  /**
   * How late the events came that were sent since the last report, and how many of them.
   *
   * @param expected waits until so many are there, at most `withinMs`
   */
  report(expected: number, withinMs: number): Promise<object>
  close(): Promise<void>
}

/** One window for each pair: a user of its own, who looks at a room. */
export async function openWindows(
  url: string,
  watching: readonly { client: MatrixClient; roomId: string }[],
): Promise<Windows | undefined> {
  if (watching.length === 0) return undefined
  const channels = watching.map(({ client, roomId }) => ({ accessToken: client.accessToken, roomId }))
  const child = startChild(new URL('./ui-channels.ts', import.meta.url), { url, channels })
  await child.hears<UiChannelMessage>((said) => (said as UiChannelMessage).kind === 'subscribed')
  const isReport = (said: unknown): said is UiChannelMessage & { kind: 'report' } =>
    (said as UiChannelMessage).kind === 'report'
  let asked = 0
  return {
    async report(expected, withinMs) {
      const wanted = ++asked
      child.post({ expected, withinMs })
      const report = await child.hears<UiChannelMessage & { kind: 'report' }>(
        (said) => isReport(said) && said.serial === wanted,
      )
      return { rows: report.rows, rows_expected: expected, cpu_ms: report.cpuMs, lag_ms: summarise(report.delays) }
    },
    close: () => child.kill(),
  }
}
