/** The files waiting in the composer; those the server would refuse are refused here, by name. */
import { useCallback, useState } from 'react'
import { formatBytes } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import type { MatrixClient } from '../../../platform/matrix/client.js'

let uploadLimit: Promise<number | undefined> | undefined

export function useAttachments(matrix: MatrixClient, onProblem: (problem: string) => void) {
  const [list, setList] = useState<readonly File[]>([])
  const add = useCallback(
    async (added: File[]) => {
      uploadLimit ??= matrix.media.readUploadLimit().catch(() => undefined)
      const limit = (await uploadLimit) ?? Number.POSITIVE_INFINITY
      const tooLarge = added.find((file) => file.size > limit)
      if (tooLarge) onProblem(t('composer.tooLarge', { name: tooLarge.name, limit: formatBytes(limit) }))
      setList((files) => [...files, ...added.filter((file) => file.size <= limit)])
    },
    [matrix, onProblem],
  )
  return {
    list,
    add,
    remove: (file: File) => setList((files) => files.filter((each) => each !== file)),
    clear: () => setList([]),
  }
}
