import { z } from 'zod';

/*
 * What values look like on the wire. Bodies are read leniently (numbers and booleans may be text, null is absent); these
 * are the forms to write.
 */

export const flag = (description: string, fallback?: boolean) =>
  z.boolean().optional().meta({ description, 'x-default': fallback });

export const whole = (min: number, max: number, description: string, fallback?: number) =>
  z.int().min(min).max(max).optional().meta({ description, 'x-default': fallback });

export const number = (min: number, max: number, description: string, fallback?: number) =>
  z.number().min(min).max(max).optional().meta({ description, 'x-default': fallback });

export const word = (words: readonly [string, ...string[]], description: string, fallback?: string) =>
  z.enum(words).optional().meta({ description, 'x-default': fallback });

export const text = (description: string) => z.string().optional().meta({ description });

export const url = (description: string) => z.string().optional().meta({ description, format: 'uri' });

export const method = (of: string, fallback: 'GET' | 'POST') => word(['GET', 'POST'], `How ${of} is called`, fallback);

/** A comma list or a JSON list. */
export const list = (description: string) =>
  z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description });
