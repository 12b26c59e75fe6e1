/**
 * House lint rules that Deno's own set lacks.
 * - `wandflow/no-type-assertion`: a cast hides what a parse should prove; only `as const` passes.
 */
const plugin: Deno.lint.Plugin = {
  name: "wandflow",
  rules: {
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
