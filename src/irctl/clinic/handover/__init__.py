"""What is put together of a course and taken away: dossiers, papers, claims, exports, the patient's card; and who took it."""
