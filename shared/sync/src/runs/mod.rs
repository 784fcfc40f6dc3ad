//! Looking at runs and their plans page by page, as files, and bringing files in by hand.

mod changes;
mod downloads;
mod list;
mod uploads;

pub use changes::{ChangeFilter, ChangePage, ChangePlace, FieldMove, changes, field_moves};
pub use downloads::{Download, List, download};
pub use list::{RunFilter, RunPage, list_runs};
pub use uploads::{LARGEST_UPLOAD, NoUpload, UploadPlace, upload_place};
