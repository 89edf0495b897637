/** A dialog's one action: busy while it runs, its refusal shown in the dialog, closed when it worked. */
import { useState } from 'react'
import { explainError } from '../../../platform/matrix/errors.js'

export function useAction(onDone: () => void) {
  const [isBusy, setIsBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  return {
    isBusy,
    problem,
    setProblem,
    async run(work: () => Promise<unknown>) {
      if (isBusy) return
      setIsBusy(true)
      setProblem(undefined)
      try {
        await work()
        onDone()
      } catch (error) {
        setProblem(explainError(error))
        setIsBusy(false)
      }
    },
  }
}
