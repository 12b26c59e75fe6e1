/**
 * Lint rules that Deno does not have.
 * - `wandflow/no-type-assertion`: a cast hides what a parse should prove; only `as const` passes.
 * - `wandflow/zod-namespace`: `import * as z` lets the bundler leave out what is not used; the named
 *   `z` brings every language of zod along, a third of the bundle.
 */
const plugin: Deno.lint.Plugin = {
  name: "wandflow",
  rules: {
    "zod-namespace": {
      create(context) {
        return {
          ImportDeclaration(node) {
            if (node.source.value !== "zod" || node.importKind === "type") return;
            if (!context.filename.includes("/src/")) return;
            for (const specifier of node.specifiers) {
              if (specifier.type === "ImportNamespaceSpecifier") continue;
              context.report({
                node: specifier,
                message: "A named import of zod cannot be bundled in part.",
                hint: 'Write `import * as z from "zod"`.',
              });
            }
          },
        };
      },
    },
    "no-type-assertion": {
      create(context) {
        return {
          TSAsExpression(node) {
            const type = node.typeAnnotation;
            const isConst = type.type === "TSTypeReference" &&
              type.typeName.type === "Identifier" && type.typeName.name === "const";
            if (!isConst) {
              context.report({
                node,
                message: "Type assertions silence the checker.",
                hint: "Parse the value, narrow it, or write `satisfies`.",
              });
            }
          },
        };
      },
    },
  },
};
export default plugin;
