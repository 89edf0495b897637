/** A tooltip: the name of an icon, or the reason behind a state. Never the only place of a fact. */
import { Tooltip } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import { usePopupFrame } from './popup-frame.js'
import styles from './tip.module.css'

type TipProps = { text: ReactNode; children: ReactElement; side?: 'top' | 'bottom' | 'left' | 'right' }

export function Tip({ text, children, side = 'bottom' }: TipProps) {
  const frame = usePopupFrame()
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal container={frame}>
        <Tooltip.Content className={styles.tip} side={side} sideOffset={6} collisionPadding={8}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}

/** Goes once around the app: a second tooltip opens at once when one was just open. */
export const TipProvider = ({ children }: { children: ReactNode }) => (
  <Tooltip.Provider delayDuration={500} skipDelayDuration={200}>
    {children}
  </Tooltip.Provider>
)
