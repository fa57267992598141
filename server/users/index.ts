export { type NewUser, type User, type UserChange, Users, userRowSchema } from './users.ts';
