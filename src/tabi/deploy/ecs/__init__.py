"""Deployment to Amazon ECS: the service that infra/terraform/30-ecs-alb-mlops has made, behind its load balancer."""
