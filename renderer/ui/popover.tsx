/** A small panel that drops from a button and stays until it is done, left by Escape, or something else is pressed. */
import { Popover as Primitive } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import styles from './menu.module.css'
import { usePopupFrame } from './popup-frame.js'

type PopoverProps = {
  label: string
  trigger: ReactElement
  isOpen: boolean
  onOpenChange: (isOpen: boolean) => void
  children: ReactNode
}

export function Popover({ label, trigger, isOpen, onOpenChange, children }: PopoverProps) {
  const frame = usePopupFrame()
  return (
    <Primitive.Root open={isOpen} onOpenChange={onOpenChange}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal container={frame}>
        <Primitive.Content
          className={styles.menu}
          aria-label={label}
          side="top"
          align="end"
          sideOffset={4}
          collisionPadding={8}
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  )
}
