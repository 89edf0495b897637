/** A voice message: made of a recording, read from whatever client. */
import { describe, expect, test } from 'vitest'
import { formatClock, readVoice, voiceContent, waveformOf } from '../../../renderer/features/chat/composer/voice.js'

const spoken = {
  blob: new Blob(['sound'], { type: 'audio/ogg;codecs=opus' }),
  durationMs: 7_300.4,
  levels: [0, 0.1, 0.2],
}

describe('a voice message', () => {
  test('says what it is to who knows it, and is a sound file to everybody else', () => {
    const { content, fileName } = voiceContent(spoken, 'Voice message')

    expect(fileName).toBe('Voice message.ogg')
    expect(content).toMatchObject({
      ...{ msgtype: 'm.audio', body: 'Voice message.ogg', filename: 'Voice message.ogg' },
      info: { mimetype: 'audio/ogg', size: 5, duration: 7_300 },
      'org.matrix.msc3245.voice': {},
    })
    expect(readVoice(content)).toEqual({ durationMs: 7_300, waveform: [0, 0.5, 1] })
  })

  test('of any shape is shown without harm; another sound is none', () => {
    const voice = { 'org.matrix.msc3245.voice': {} }
    expect(readVoice({ msgtype: 'm.audio', info: { duration: 1 } })).toBeUndefined()
    for (const info of [null, 7, [], { duration: -1 }, { duration: 'long' }, { duration: Number.NaN }])
      expect(readVoice({ ...voice, info, 'org.matrix.msc1767.audio': info })).toEqual({
        ...{ durationMs: undefined, waveform: [] },
      })
    const waveform = [-5, 1e9, 'x', null, ...Array(10_000).fill(512)]
    const read = readVoice({ ...voice, 'org.matrix.msc1767.audio': { waveform } })!
    expect(read.waveform.slice(0, 5)).toEqual([0, 1, 0, 0, 0.5])
    expect(read.waveform).toHaveLength(120)
  })

  test('of silence has no waveform, a long one sixty bars, each as high as its loudest moment', () => {
    expect(waveformOf([0, 0, 0])).toEqual([])
    const long = waveformOf(Array.from({ length: 6_000 }, (_, index) => (index === 3_030 ? 1 : 0.25)))
    expect(long).toHaveLength(60)
    expect([long[0], long[30]]).toEqual([256, 1_024])
  })
})

test('its length reads as on a clock', () => {
  expect([0, 6_700, 59_600, 750_000].map(formatClock)).toEqual(['0:00', '0:07', '1:00', '12:30'])
})
