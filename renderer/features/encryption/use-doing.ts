/** Something a dialog does: busy while it runs, and what went wrong. */
import { useState } from 'react'
import { explainError } from '../../platform/matrix/errors.js'

export function useDoing() {
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  return {
    isBusy,
    problem,
    setProblem,
    async run(work: () => Promise<unknown>): Promise<void> {
      setIsBusy(true)
      setProblem(undefined)
      try {
        await work()
      } catch (error) {
        setProblem(explainError(error))
      } finally {
        setIsBusy(false)
      }
    },
  }
}
