/** Buttons: with a text, or with an icon whose label a tooltip shows. */
import type { ComponentProps, ReactNode } from 'react'
import styles from './button.module.css'
import { Tip } from './tip.js'

type ButtonProps = ComponentProps<'button'> & {
  /** One primary per view; `danger` only for what destroys. */
  variant?: 'primary' | 'secondary' | 'quiet' | 'danger'
  size?: 'normal' | 'large'
}

export function Button({ variant = 'secondary', size = 'normal', className, type = 'button', ...rest }: ButtonProps) {
  const classes = [styles.button, styles[variant], size === 'large' && styles.large, className]
  return <button type={type} className={classes.filter(Boolean).join(' ')} {...rest} />
}

type IconButtonProps = Omit<ComponentProps<'button'>, 'aria-label'> & {
  /** What it does; read aloud and shown in the tooltip. */
  label: string
  children: ReactNode
  side?: 'top' | 'bottom' | 'left' | 'right'
}

export function IconButton({ label, side, className, type = 'button', ...rest }: IconButtonProps) {
  return (
    <Tip text={label} side={side}>
      <button
        type={type}
        aria-label={label}
        className={[styles.button, styles.icon, className].filter(Boolean).join(' ')}
        {...rest}
      />
    </Tip>
  )
}
