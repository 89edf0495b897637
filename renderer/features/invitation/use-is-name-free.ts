/** Whether a user name is free, asked while it is typed, with pauses: the server answers strangers only so often. */
import { useEffect, useState } from 'react'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import { isNameFree } from '../../platform/matrix/invitation.js'

const pauseMs = 500

/** @returns undefined until the server has said */
export function useIsNameFree(http: MatrixHttp, username: string): boolean | undefined {
  const [answer, setAnswer] = useState<{ of: string; isFree: boolean | undefined }>()
  useEffect(() => {
    if (!username) return
    const stop = new AbortController()
    const timer = setTimeout(() => {
      isNameFree(http, username, stop.signal).then((isFree) => {
        if (!stop.signal.aborted) setAnswer({ of: username, isFree })
      })
    }, pauseMs)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [http, username])
  return answer?.of === username ? answer.isFree : undefined
}
