import { Converter, ReflectionKind } from 'typedoc';

/** A plugin of typedoc: members of type literals, such as the arms of a union, are documented by the type they belong to. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const members = project
      .getReflectionsByKind(ReflectionKind.Property | ReflectionKind.Method)
      .filter((each) => each.parent?.kindOf(ReflectionKind.TypeLiteral) && !each.hasComment() && isChecked(each));
    app.options.setValue('intentionallyNotDocumented', [...new Set(members.map((each) => each.getFriendlyFullName()))]);
  });
}

/** typedoc asks for no docstrings inside of parameters, and complains of exceptions for them. */
function isChecked({ parent }) {
  return parent === undefined || (!parent.kindOf(ReflectionKind.Parameter) && isChecked(parent));
}
