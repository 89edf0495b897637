/**
 * A voice message: what was recorded as message content. Pure.
 *
 * The extensible-events keys are what other clients know a voice message by; those that do not play a sound file.
 */

export type Recording = {
  blob: Blob
  durationMs: number
  /** How loud it was, ten times a second, from 0 to 1. */
  levels: readonly number[]
}

/** Bars of the picture of a recording, and the largest value of one as it is sent. */
const bars = 60
const loudest = 1024

/** The levels as so many bars, each as high as its loudest moment, the loudest of all as high as can be. */
export function waveformOf(levels: readonly number[]): number[] {
  const count = Math.min(bars, levels.length)
  const most = Math.max(...levels, 0)
  if (count === 0 || most === 0) return []
  return Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * levels.length) / count)
    const to = Math.max(from + 1, Math.floor(((bar + 1) * levels.length) / count))
    return Math.round((Math.max(...levels.slice(from, to)) / most) * loudest)
  })
}

const extensions: Record<string, string> = { 'audio/ogg': 'ogg', 'audio/webm': 'webm', 'audio/mp4': 'm4a' }

/** @param name what it is called as a file, without its ending */
export function voiceContent({ blob, durationMs, levels }: Recording, name: string) {
  const mimetype = blob.type.split(';')[0]!
  const duration = Math.round(durationMs)
  const fileName = `${name}.${extensions[mimetype] ?? 'audio'}`
  const content = {
    ...{ msgtype: 'm.audio', body: fileName, filename: fileName, 'm.mentions': {} },
    info: { mimetype, size: blob.size, duration },
    'org.matrix.msc1767.audio': { duration, waveform: waveformOf(levels) },
    'org.matrix.msc3245.voice': {},
  }
  return { fileName, content }
}

export type Voice = { durationMs: number | undefined; waveform: readonly number[] }

/** A voice message as it came, from whatever client; undefined for another sound. Heights from 0 to 1. */
export function readVoice(content: Readonly<Record<string, unknown>>): Voice | undefined {
  if (!('org.matrix.msc3245.voice' in content || 'm.voice' in content)) return undefined
  const audio = objectOf(content['org.matrix.msc1767.audio'])
  const duration = objectOf(content.info).duration ?? audio.duration
  const isSpan = typeof duration === 'number' && Number.isFinite(duration) && duration >= 0
  const waveform = Array.isArray(audio.waveform) ? audio.waveform.slice(0, 2 * bars) : []
  return {
    durationMs: isSpan ? duration : undefined,
    waveform: waveform.map((value) => (typeof value === 'number' && value > 0 ? Math.min(value / loudest, 1) : 0)),
  }
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

/** `0:07`, `12:30` */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
