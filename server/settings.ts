import type { z } from 'zod';
import { access } from './settings/access.ts';
import { applications } from './settings/applications.ts';
import { callLimits } from './settings/call-limits.ts';
import { clipLimits } from './settings/clip-limits.ts';
import { dialling } from './settings/dialling.ts';
import { keeping } from './settings/keeping.ts';
import { listening } from './settings/listening.ts';
import { processSettings } from './settings/process.ts';
import { requestLimits } from './settings/request-limits.ts';
import type { Setting } from './settings/setting.ts';
import { sound } from './settings/sound.ts';

export type { Setting } from './settings/setting.ts';

/** Every setting, in the order of the documentation. */
export const SETTINGS = {
  ...listening,
  ...access,
  ...dialling,
  ...sound,
  ...processSettings,
  ...applications,
  ...callLimits,
  ...requestLimits,
  ...clipLimits,
  ...keeping,
} as const;

export type SettingName = keyof typeof SETTINGS;

/** The value type of each setting; undefined where a default is worked out from others. */
export type SettingValues = {
  readonly [Name in SettingName]:
    | z.output<(typeof SETTINGS)[Name]['schema']>
    | ((typeof SETTINGS)[Name]['fallback'] extends string ? never : undefined);
};

/** A setting's row in the documentation. */
export function describeSetting(name: SettingName): { name: string; default: string; meaning: string } {
  const setting: Setting<unknown> = SETTINGS[name];
  return { name: `\`${name}\``, default: setting.shown ?? `\`${setting.fallback ?? ''}\``, meaning: setting.meaning };
}
