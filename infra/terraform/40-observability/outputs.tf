output "topic" {
  description = "Where alarms are published."
  value       = aws_sns_topic.alarms.arn
}
