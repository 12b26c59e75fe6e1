/**
 * The trace search grammar: read, translate, explain and write filters and orders.
 *
 * @module
 */
export {
  type Clause,
  type Entity,
  type Filter,
  FilterError,
  type Operand,
  type Operator,
} from "./ast.ts";
export { type FilterOptions, parseFilter } from "./filter.ts";
export { printClause, printFilter } from "./print.ts";
export { compareVersions, type Requirement, requires } from "./requires.ts";
export { type Order, type OrderTerm, parseOrderBy, printOrderBy } from "./order.ts";
