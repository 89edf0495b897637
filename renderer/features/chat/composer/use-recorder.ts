/** The microphone: from a press of the button to what was said. */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { Recording } from './voice.js'

const types = ['audio/ogg;codecs=opus', 'audio/webm;codecs=opus', 'audio/mp4']
const levelEveryMs = 100
/** Nobody says more in one go; a recording that was forgotten ends. */
const longestMs = 15 * 60_000
const bitsPerSecond = 32_000

export const canRecord = (): boolean =>
  typeof MediaRecorder !== 'undefined' && navigator.mediaDevices?.getUserMedia !== undefined

type Running = {
  recorder: MediaRecorder
  chunks: Blob[]
  levels: number[]
  startedAt: number
  /** Gives the microphone back. */
  release: () => void
}

export type Recorder = {
  /** Milliseconds since the start; undefined while nothing is recorded. */
  elapsedMs: number | undefined
  /** @throws DOMException where there is no microphone, or it may not be used */
  start(): Promise<void>
  /** @returns undefined where nothing was recorded */
  finish(): Promise<Recording | undefined>
  cancel(): void
}

export function useRecorder(): Recorder {
  const running = useRef<Running>(undefined)
  const [elapsedMs, setElapsedMs] = useState<number>()

  const take = useCallback(() => {
    const taken = running.current
    running.current = undefined
    setElapsedMs(undefined)
    return taken
  }, [])
  const cancel = useCallback(() => {
    const taken = take()
    if (taken && taken.recorder.state !== 'inactive') taken.recorder.stop()
    taken?.release()
  }, [take])
  const isGone = useRef(false)
  useEffect(() => {
    isGone.current = false
    return () => {
      isGone.current = true
      cancel() // who goes elsewhere is not listened to any more
    }
  }, [cancel])

  const start = useCallback(async () => {
    if (running.current) return
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    // The question may have been open for long: asked twice, or by who is elsewhere by now.
    if (isGone.current || running.current) {
      for (const track of stream.getTracks()) track.stop()
      return
    }
    const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type))
    const recorder = new MediaRecorder(stream, {
      ...(mimeType ? { mimeType } : {}),
      audioBitsPerSecond: bitsPerSecond,
    })
    const meter = measure(stream)
    const next: Running = { recorder, chunks: [], levels: [], startedAt: performance.now(), release }
    const timer = setInterval(() => {
      next.levels.push(meter.level())
      const elapsed = performance.now() - next.startedAt
      if (elapsed < longestMs) return setElapsedMs(elapsed)
      if (recorder.state === 'recording') recorder.pause() // what is there waits for its owner
    }, levelEveryMs)
    function release() {
      clearInterval(timer)
      meter.close()
      for (const track of stream.getTracks()) track.stop()
    }
    recorder.ondataavailable = ({ data }) => next.chunks.push(data)
    running.current = next
    setElapsedMs(0)
    recorder.start()
  }, [])

  const finish = useCallback(async () => {
    const taken = take()
    if (!taken) return undefined
    const { recorder, chunks, levels, startedAt, release } = taken
    const durationMs = Math.min(performance.now() - startedAt, longestMs)
    await new Promise<void>((resolve) => {
      recorder.onstop = () => resolve()
      recorder.stop()
    })
    release()
    const blob = new Blob(chunks, { type: recorder.mimeType })
    return blob.size > 0 ? { blob, durationMs, levels } : undefined
  }, [take])

  return { elapsedMs, start, finish, cancel }
}

/** How loud it is just now, from 0 to 1. */
function measure(stream: MediaStream) {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  return {
    level() {
      analyser.getFloatTimeDomainData(samples)
      return Math.min(1, Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length))
    },
    close: () => void context.close(),
  }
}
