//! Column names in any case: `spectype` means `SPECTYPE` where no column is called so, as it does in PostgreSQL.

use std::ops::ControlFlow;

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::prelude::{DataFrame, SQLOptions, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions_mut};

/// Plans a statement. A name that no column has as it is written, and exactly one column in reach has in another case, is
/// taken for that one; names in quotes mean what is written.
pub(super) async fn plan(
    context: &SessionContext,
    sql: &str,
    options: SQLOptions,
) -> Result<DataFrame, DataFusionError> {
    let state = context.state();
    let dialect = state.config_options().sql_parser.dialect;
    let mut statement = state.sql_to_statement(sql, &dialect)?;
    // Two tables may write a name in two ways; then it stays an error.
    let mut done: Vec<String> = Vec::new();
    loop {
        match state.statement_to_plan(statement.clone()).await {
            Ok(plan) => {
                options.verify_plan(&plan)?;
                return context.execute_logical_plan(plan).await;
            }
            Err(error) => match meant(&error) {
                Some((written, name)) if !done.contains(&name) && rename(&mut statement, &written, &name) => {
                    done.push(written);
                }
                _ => return Err(error),
            },
        }
    }
}

/// The unknown name that an error is about, and the one column that has it in another case.
fn meant(error: &DataFusionError) -> Option<(String, String)> {
    let DataFusionError::SchemaError(fault, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = fault.as_ref() else { return None };
    let mut names = valid_fields.iter().map(|known| &known.name).filter(|name| name.eq_ignore_ascii_case(&field.name));
    let name = names.next()?;
    (*name != field.name && names.all(|other| other == name)).then(|| (field.name.clone(), name.clone()))
}

/// Writes a name that is not in quotes in another way, wherever a column is named; whether it is anywhere.
fn rename(statement: &mut Statement, written: &str, name: &str) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    let mut found = false;
    let _ = visit_expressions_mut(statement.as_mut(), |expression| {
        let ident = match expression {
            Expr::Identifier(ident) => Some(ident),
            Expr::CompoundIdentifier(parts) => parts.last_mut(),
            _ => None,
        };
        if let Some(ident) = ident.filter(|ident| ident.quote_style.is_none() && ident.value == written) {
            *ident = Ident::new(name);
            found = true;
        }
        ControlFlow::<()>::Continue(())
    });
    found
}
