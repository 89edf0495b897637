/** What listens, asked again every few seconds while somebody looks. */
import { useEffect } from 'react'
import { useServices } from '../../../app/services.js'
import { type Loaded, useLoaded } from '../../../app/use-loaded.js'
import { type Reachability, readReachability } from '../admin-api.js'

const everyMs = 4_000

export function useReachability(): Loaded<Reachability> {
  const { http } = useServices().matrix
  const loaded = useLoaded(() => readReachability(http), '')
  const { reload } = loaded
  useEffect(() => {
    const timer = setInterval(reload, everyMs)
    return () => clearInterval(timer)
  }, [reload])
  return loaded
}
