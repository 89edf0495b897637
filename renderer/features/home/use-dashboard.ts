/** The Home pages' live data: started by the first page that needs it, kept a minute after the last one left. */
import { createContext, useContext, useEffect, useState } from 'react'
import { useServices } from '../../app/services.js'
import { type Dashboard, startDashboard } from './dashboard.js'

/** So that going to a room and back neither breaks the charts nor registers live queries anew. */
const lingerMs = 60_000

type Kept = { dashboard: Dashboard; owner: object; isAdmin: boolean; timer?: ReturnType<typeof setTimeout> }
let kept: Kept | undefined

function drop(): void {
  clearTimeout(kept?.timer)
  kept?.dashboard.stop()
  kept = undefined
}

/** @returns undefined while it is not known whether the user is an admin */
export function useKeptDashboard(isAdmin: boolean | undefined): Dashboard | undefined {
  const services = useServices()
  const [dashboard, setDashboard] = useState<Dashboard>()
  useEffect(() => {
    if (isAdmin === undefined) return
    if (kept && (kept.owner !== services || kept.isAdmin !== isAdmin)) drop()
    kept ??= { dashboard: startDashboard(services, isAdmin), owner: services, isAdmin }
    clearTimeout(kept.timer)
    setDashboard(kept.dashboard)
    const mine = kept
    return () => {
      mine.timer = setTimeout(() => kept === mine && drop(), lingerMs)
    }
  }, [services, isAdmin])
  return dashboard
}

export const DashboardContext = createContext<Dashboard | undefined>(undefined)

/** @throws Error outside the Home pages */
export function useDashboard(): Dashboard {
  const dashboard = useContext(DashboardContext)
  if (!dashboard) throw new Error('no dashboard here')
  return dashboard
}
